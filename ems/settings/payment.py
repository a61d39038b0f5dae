"""How drivers pay: what the file says of it, checked."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.payment_schema import PaymentKind


@dataclass(frozen=True, slots=True)
class PaymentSettings:
    """Whoever takes the money, where drivers come back to, and the files that hold what must be kept secret."""

    provider: PaymentKind = PaymentKind.NONE
    public_url: str = ""
    key_file: Path | None = None
    notice_secret_file: Path | None = None


def payment_of(draft: Draft) -> PaymentSettings:
    """What the section says."""
    section = draft.shape.payment
    files = (section.key_file, section.notice_secret_file)
    key, notice = (None if name is None else draft.folder / Path(name).expanduser() for name in files)
    return PaymentSettings(section.provider, section.public_url or "", key, notice)


def provider(draft: Draft) -> Iterator[Finding]:
    """Money that nobody takes, and a provider that lacks something."""
    section = draft.shape.payment
    if section.provider is PaymentKind.SANDBOX:
        remedy = "for trying out only; choose provider: stripe to be paid"
        yield draft.document.warning(
            ("payment", "provider"), "the sandbox takes no money: drivers only pretend to", remedy
        )
    if section.provider is not PaymentKind.STRIPE:
        return
    if draft.shape.policy.observes:
        message = "a controller that only observes cannot keep a driver to what is blocked on the card"
        yield draft.document.error(
            ("payment", "provider"), message, "write control: armed in policy, or provider: none"
        )
    if section.key_file is None:
        remedy = "write the secret key into a file that only the service may read: key_file: secrets/stripe"
        yield draft.document.error(("payment", "key_file"), "stripe needs a key_file", remedy)
    if section.public_url is None:
        remedy = "say where the phones of drivers reach this controller: public_url: https://charge.example.com"
        yield draft.document.error(
            ("payment", "public_url"), "stripe needs a public_url to send drivers back to", remedy
        )


def secrets(draft: Draft) -> Iterator[Finding]:
    """Files with secrets that cannot be read, or that everybody can read."""
    known = payment_of(draft)
    for key, path in (("key_file", known.key_file), ("notice_secret_file", known.notice_secret_file)):
        if path is None or known.provider is not PaymentKind.STRIPE:
            continue
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError as error:
            message, remedy = (
                f"'{path}' cannot be read: {error.strerror}",
                "write the secret into that file, in one line",
            )
            yield draft.document.error(("payment", key), message, remedy)
            continue
        if mode & stat.S_IROTH:
            message, remedy = f"everybody on this machine can read '{path}'", f"chmod 600 {path}"
            yield draft.document.warning(("payment", key), message, remedy)
