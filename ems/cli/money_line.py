"""What can be typed after `ems payment`, `ems prepaid` and `ems bill`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ems.domain.billing.payment import PaymentState

if TYPE_CHECKING:
    Kinds = argparse._SubParsersAction[argparse.ArgumentParser]

SITE = "a folder that holds site.yaml, or the name of a shipped site (default: $EMS_SITE)"


def add_money(commands: Kinds) -> None:
    """Add the commands about money."""
    text = "What drivers paid by card, and what goes back to them"
    add_payment(commands.add_parser("payment", help=text, description=f"{text}."))
    text = "Accounts of people who pay in advance"
    add_prepaid(commands.add_parser("prepaid", help=text, description=f"{text}."))
    text = "Groups that pay by the month"
    add_bill(commands.add_parser("bill", help=text, description=f"{text}."))


def add_payment(parser: argparse.ArgumentParser) -> None:
    """Add the kinds of `ems payment`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    one = _kind(kinds, "list", "payments", "Payments by card, newest first")
    one.add_argument("--state", choices=[state.value for state in PaymentState])
    one.add_argument("--search", default="", help="in references, sessions, accounts and the provider's names")
    one = _kind(kinds, "show", "payment", "A payment with its receipt, its refunds and what happened")
    one.add_argument("reference", help="for example PAY-0123456789ABCDEF")
    one = _kind(kinds, "refund", "refund", "Give back what a payment took, or a part")
    one.add_argument("reference", help="for example PAY-0123456789ABCDEF")
    one.add_argument("reason", help="stands on the credit note")
    one.add_argument("--amount", help="all that is left, if not said")
    one.add_argument("--key", help="the same refund when it is told again; made up, if not said")


def add_prepaid(parser: argparse.ArgumentParser) -> None:
    """Add the kinds of `ems prepaid`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    _kind(kinds, "list", "accounts", "Prepaid accounts with what is left in each")
    for name, text in (
        ("show", "An account with its newest bookings"),
        ("open", "Open the account of a person"),
        ("close", "Close an account: no session begins with it"),
    ):
        _kind(kinds, name, f"account_{name}", text).add_argument("person")
    one = _kind(kinds, "book", "book", "Book an amount by hand; a negative one goes out")
    one.add_argument("person")
    one.add_argument("amount", help="for example 50.00, or -5.00")
    one.add_argument("note", help="why: cash, a correction, a present")
    one.add_argument("--key", help="the same booking when it is told again; made up, if not said")


def add_bill(parser: argparse.ArgumentParser) -> None:
    """Add the kinds of `ems bill`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    _kind(kinds, "list", "groups", "Groups of tags that pay by the month")
    for name, text in (("show", "What a group pays for a month"), ("close", "Close a month; it changes no more")):
        one = _kind(kinds, name, f"bill_{name}", text)
        one.add_argument("group")
        one.add_argument("month", help="for example 2026-11")


def _kind(kinds: Kinds, name: str, carried_out_by: str, text: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=f"{text}.")
    added.set_defaults(carried_out_by=f"money.{carried_out_by}")
    added.add_argument("site", nargs="?", help=SITE)
    added.add_argument("--json", action="store_true", help="for programs")
    return added
