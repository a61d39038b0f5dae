"""Commands about money of the running daemon: payment list, show, refund; prepaid …; bill list, show, close."""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from ems.cli.interface import asked, told
from ems.cli.outcome import FINDING, FINE
from ems.cli.site import settings_as_running

Lines = Callable[[dict[str, Any]], Iterable[str]]


def payments(options: argparse.Namespace) -> int:
    """Payments, newest first."""
    query = {"search": options.search, "limit": 500, **({"state": options.state} if options.state else {})}
    return _said(options, asked(settings_as_running(options.site), f"payments?{urlencode(query)}"), _payment_lines)


def payment(options: argparse.Namespace) -> int:
    """Everything about a payment."""
    path = f"payment-records/{_path(options.reference)}"
    return _said(options, asked(settings_as_running(options.site), path), _story_lines)


def refund(options: argparse.Namespace) -> int:
    """Give money back."""
    key = options.key or secrets.token_hex(12)
    body = {"reason": options.reason, **({"amount": options.amount} if options.amount else {})}
    path = f"payment-records/{_path(options.reference)}/refunds/{_path(key)}"
    return _said(options, told(settings_as_running(options.site), path, body, "PUT"), _refund_lines)


def accounts(options: argparse.Namespace) -> int:
    """Prepaid accounts."""
    found = asked(settings_as_running(options.site), "prepaid")
    return _said(options, found, lambda told: [_account_line(one) for one in told["accounts"]] or ["no account yet"])


def account_show(options: argparse.Namespace) -> int:
    """An account with its bookings."""
    found = asked(settings_as_running(options.site), f"prepaid/{_path(options.person)}")
    return _said(options, found, _bookings_lines)


def account_open(options: argparse.Namespace) -> int:
    """Open an account."""
    return _opened(options, is_open=True)


def account_close(options: argparse.Namespace) -> int:
    """Close an account."""
    return _opened(options, is_open=False)


def book(options: argparse.Namespace) -> int:
    """Book an amount by hand."""
    path = f"prepaid/{_path(options.person)}/bookings/{_path(options.key or secrets.token_hex(12))}"
    body = {"amount": options.amount, "note": options.note}
    answer = told(settings_as_running(options.site), path, body, "PUT")
    return _said(options, answer, lambda one: [_account_line(one)])


def groups(options: argparse.Namespace) -> int:
    """Groups that pay by the month."""
    found = asked(settings_as_running(options.site), "billing-groups")
    return _said(options, found, _group_lines)


def bill_show(options: argparse.Namespace) -> int:
    """A month of a group."""
    return _said(options, asked(settings_as_running(options.site), _month(options)), _bill_lines)


def bill_close(options: argparse.Namespace) -> int:
    """Close a month of a group."""
    return _said(options, told(settings_as_running(options.site), f"{_month(options)}/close", {}), _bill_lines)


def _opened(options: argparse.Namespace, is_open: bool) -> int:
    path = f"prepaid/{_path(options.person)}"
    answer = told(settings_as_running(options.site), path, {"open": is_open}, "PUT")
    return _said(options, answer, lambda one: [_account_line(one)])


def _said(options: argparse.Namespace, answer: dict[str, Any], lines: Lines) -> int:
    if "status" in answer and "detail" in answer:
        print(answer["detail"])
        return FINDING
    print(json.dumps(answer, indent=2) if options.json else "\n".join(lines(answer)))
    return FINE


def _path(name: str) -> str:
    return quote(name, safe="")


def _month(options: argparse.Namespace) -> str:
    return f"billing-groups/{_path(options.group)}/statements/{_path(options.month)}"


def _payment_lines(told: dict[str, Any]) -> Iterator[str]:
    for one in told["payments"]:
        where = one["evse"] or f"account of {one['account']}"
        back = "" if float(one["given_back"]) == 0 else f", {one['given_back']} given back"
        amount = f"{one['amount']:>9} {one['currency']}"
        yield f"{one['reference']}  {one['created']}  {one['state']:<14} {amount}  {where}{back}"
    if not told["payments"]:
        yield "no payment fits"


def _story_lines(told: dict[str, Any]) -> Iterator[str]:
    yield from _payment_lines({"payments": [told["payment"]]})
    for step in told["steps"]:
        yield f"  {step['at']}  {step['cause']} ({step['state']})"
    for one in told["refunds"]:
        amount = f"{one['amount']} {one['currency']}"
        yield f"  {one['created']}  {one['credit_note']}: {amount} back, {one['state']}: {one['reason']}"
    yield f"  {told['left']} {told['payment']['currency']} can go back"


def _refund_lines(told: dict[str, Any]) -> Iterator[str]:
    amount = f"{told['amount']} {told['currency']}"
    yield f"{told['credit_note']}: {amount} go back ({told['vat']} tax inside), {told['state']}"


def _account_line(one: dict[str, Any]) -> str:
    state = "" if one["open"] else ", closed"
    return f"{one['person']:<24} {one['balance']:>10} {one['currency']}, {one['held']} held{state}"


def _bookings_lines(told: dict[str, Any]) -> Iterator[str]:
    yield _account_line(told["account"])
    for one in told["bookings"]:
        yield f"  {one['at']}  {one['amount']:>10}  {one['kind']:<13} {one['note'] or one['session'] or ''}".rstrip()


def _group_lines(told: dict[str, Any]) -> Iterator[str]:
    for one in told["groups"]:
        yield f"{one['id']:<24} {one['title']}".rstrip()
    if not told["groups"]:
        yield "no group is billed by the month"


def _bill_lines(told: dict[str, Any]) -> Iterator[str]:
    state = "not closed" if told["closed"] is None else f"closed {told['closed']}"
    yield f"{told['number']}: {told['group']['title'] or told['group']['id']} ({state})"
    for line in told["lines"]:
        yield f"  {line['at']}  {line['energy_kwh']:>10} kWh  {line['amount']:>10}  {line['words']}"
    for rate in told["rates"]:
        yield f"  {rate['vat_percent']:>5} % tax: net {rate['net']}, tax {rate['vat']}, together {rate['amount']}"
    yield f"  to be paid: {told['total']} {told['currency']}"
