"""The shape of `oidc:`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator

from ems.domain.access.account import Role
from ems.settings.payment_schema import web_address
from ems.settings.schema import Name, Section, problem
from ems.settings.secret_schema import Secret

MOST_ROLES = 100


def _roles(value: Any) -> dict[str, Role]:
    if not isinstance(value, dict) or not 0 < len(value) <= MOST_ROLES:
        raise problem("roles says which value of the claim is which role", "write roles: {ems-admins: admin}")
    found = {}
    for told, word in value.items():
        try:
            found[str(told)] = Role.of(str(word))
        except ValueError as wrong:
            raise problem(f"'{told!s:.40}': {wrong}", "write roles: {ems-admins: admin, ems-ops: operator}") from None
    return found


class OidcSection(Section):
    """`oidc:`, people log in where they log in to everything else."""

    issuer: Annotated[str, PlainValidator(web_address)] = Field(
        description="for example https://id.example.com/realms/a"
    )
    client_id: Name = Field(description="what this controller is called there")
    client_secret_file: Secret | None = Field(None, description="a file with its secret, if it has one there")
    name: Name = Field("the identity provider", description="stands on the button")
    user_claim: Name = Field("preferred_username", description="which claim is the name of a user")
    role_claim: Name = Field("groups", description="which claim says the roles; realm_access.roles looks deeper")
    roles: Annotated[dict[str, Role], PlainValidator(_roles)] = Field(
        description="which value of that claim is which role, for example {ems-admins: admin}"
    )
