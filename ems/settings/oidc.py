"""Where people log in besides here: what the file says of it, checked."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ems.domain.access.account import Role
from ems.settings.draft import Draft
from ems.settings.finding import Finding

NEAR = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Whoever says who somebody is (OpenID Connect), and which of its words is which role here."""

    issuer: str
    client_id: str
    secret_file: Path | None
    name: str
    user_claim: str
    role_claim: str
    roles: Mapping[str, Role]


def oidc_of(draft: Draft) -> OidcSettings | None:
    """What the section says; None without it."""
    section = draft.shape.oidc
    if section is None:
        return None
    file = section.client_secret_file
    return OidcSettings(
        section.issuer,
        section.client_id,
        None if file is None else draft.folder / Path(file).expanduser(),
        section.name,
        section.user_claim,
        section.role_claim,
        section.roles,
    )


def provider(draft: Draft) -> Iterator[Finding]:
    """A way to the provider that others could listen on, and a secret that cannot be read or that everybody can."""
    known = oidc_of(draft)
    if known is None:
        return
    split = urlsplit(known.issuer)
    if split.scheme != "https" and split.hostname not in NEAR:
        remedy = "write https://: whoever is on the way could log in as anybody"
        yield draft.document.error(("oidc", "issuer"), f"'{known.issuer}' is not encrypted", remedy)
    if known.secret_file is None:
        return
    try:
        mode = stat.S_IMODE(known.secret_file.stat().st_mode)
    except OSError as error:
        message = f"'{known.secret_file}' cannot be read: {error.strerror}"
        yield draft.document.error(("oidc", "client_secret_file"), message, "write the secret into it, in one line")
        return
    if mode & stat.S_IROTH:
        message, remedy = f"everybody on this machine can read '{known.secret_file}'", f"chmod 600 {known.secret_file}"
        yield draft.document.warning(("oidc", "client_secret_file"), message, remedy)
