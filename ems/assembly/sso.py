"""Logins by an identity provider, put together: who came back is a user here, with the role that the provider says."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ems.adapters.web.accounts.port import LoginRefusedError
from ems.adapters.web.accounts.sso import IssuerAwayError, IssuerRefusedError, sso_pages
from ems.adapters.web.payment.api import Routers
from ems.assembly.accounts import SiteAccounts
from ems.assembly.error import AssemblyError
from ems.domain.access.account import Role, User, key_of
from ems.domain.access.roll import RoleGiven, UserAdded
from ems.ports.controller import Clock, Live, NotStoredError
from ems.settings.oidc import OidcSettings

if TYPE_CHECKING:
    from ems.adapters.oidc.client import Begun, IdentityProvider

log = logging.getLogger(__name__)

MOST_BEGUN = 500
BEGUN_S = 600.0
FOREIGN = "oidc:"
"""Begins what stands in place of a password hash: nobody can log in with a password under such a name."""


class _Waiting(NamedTuple):
    begun: Begun
    secret: str
    onwards: str
    at_s: float


@dataclass(slots=True)
class SiteSso:
    """The `SingleSignOn` of a running daemon."""

    provider: IdentityProvider
    settings: OidcSettings
    accounts: SiteAccounts
    clock: Clock
    _waiting: OrderedDict[str, _Waiting] = field(default_factory=OrderedDict)

    @property
    def label(self) -> str:
        """What people call the provider."""
        return self.settings.name

    async def begin(self, back_url: str, next_path: str) -> tuple[str, str]:
        """Where the browser goes, and a secret that it must bring back."""
        try:
            begun, secret = await self.provider.begin(back_url), secrets.token_urlsafe(32)
        except (ConnectionError, PermissionError) as trouble:
            log.warning("accounts.single-sign-on-away issuer=%s: %s", self.settings.issuer, trouble)
            raise IssuerAwayError(str(trouble)) from None
        self._waiting[begun.state] = _Waiting(begun, secret, next_path, self.clock.now().monotonic_s)
        while len(self._waiting) > MOST_BEGUN:
            self._waiting.popitem(last=False)
        return begun.url, secret

    async def finish(self, secret: str, state: str, code: str, address: str) -> tuple[str, str]:
        """The secret of the login of whoever came back, and where to go on."""
        waiting, now = self._waiting.pop(state, None), self.clock.now()
        is_same = waiting is not None and hmac.compare_digest(waiting.secret.encode(), secret.encode())
        if waiting is None or not is_same or not code or now.monotonic_s - waiting.at_s > BEGUN_S:
            raise IssuerRefusedError("this login was not begun in this browser, or too long ago")
        try:
            claims = await self.provider.claims(waiting.begun, code, now.utc.timestamp())
        except PermissionError as refused:
            raise IssuerRefusedError(f"{self.label}: {refused}") from None
        except ConnectionError as trouble:
            log.warning("accounts.single-sign-on-away issuer=%s: %s", self.settings.issuer, trouble)
            raise IssuerAwayError(str(trouble)) from None
        user = await self._user_of(claims)
        log.info("accounts.single-sign-on user=%r role=%s", user.name, user.role.word)
        return self.accounts.logged_in_as(user, address), waiting.onwards

    async def _user_of(self, claims: Mapping[str, Any]) -> User:
        """The user that the provider speaks of, added or given another role if need be."""
        name, role = self._name(claims), self._role(claims)
        proof = FOREIGN + hashlib.sha256(f"{self.settings.issuer}\n{claims['sub']}".encode()).hexdigest()
        known, who = self.accounts.roll.users.get(key_of(name)), f"{name} ({self.label})"
        try:
            if known is None:
                new = User(name, role, proof, self.clock.now().utc.replace(microsecond=0))
                await self.accounts.change(UserAdded(new), who)
            elif known.password != proof:
                raise IssuerRefusedError(f"there is another user {name} here, who logs in otherwise")
            elif not known.enabled:
                raise LoginRefusedError(f"{name} is disabled here: ask an administrator")
            elif known.role != role:
                await self.accounts.change(RoleGiven(name, role), who)
        except (ValueError, NotStoredError) as wrong:
            raise IssuerRefusedError(str(wrong)) from None
        return self.accounts.roll.user(name)

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self.settings.user_claim)
        if not isinstance(name, str) or not name:
            raise IssuerRefusedError(f"{self.label} does not say who you are: {self.settings.user_claim} is missing")
        return name

    def _role(self, claims: Mapping[str, Any]) -> Role:
        """The highest of the roles that it says."""
        told: Any = claims
        for part in self.settings.role_claim.split("."):
            told = told.get(part) if isinstance(told, Mapping) else None
        words = told if isinstance(told, list) else [told]
        found = [self.settings.roles[word] for word in words if isinstance(word, str) and word in self.settings.roles]
        if not found:
            raise IssuerRefusedError(f"{self.label} gives you no role here: ask an administrator")
        return max(found)


def sso_ways(settings: OidcSettings | None, accounts: SiteAccounts, live: Live, clock: Clock) -> Routers:
    """The pages of logins by an identity provider, where a site wants them. Raises AssemblyError."""
    if settings is None:
        return ()
    try:
        from ems.adapters.oidc.client import IdentityProvider  # noqa: PLC0415 it is an extra
    except ModuleNotFoundError as missing:
        text = f"oidc: needs the package {missing.name}; install ems with its extra: pip install 'ems[oidc]'"
        raise AssemblyError(text) from None
    secret = ""
    if settings.secret_file is not None:
        try:
            secret = settings.secret_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as wrong:
            raise AssemblyError(f"{settings.secret_file}: the secret cannot be read: {wrong}") from None
    accounts.sso = settings.name
    provider = IdentityProvider(settings.issuer, settings.client_id, secret)
    return (sso_pages(live, SiteSso(provider, settings, accounts, clock)),)
