"""Who somebody is, asked of an identity provider (OpenID Connect).

Lives here: the authorisation code flow with PKCE (RFC 7636), and the proof that an ID token is from the issuer, for us,
and for this login.
Never here: what somebody may do (`ems.domain.access.account`), logins and users (`ems.assembly.accounts`).
Who may import it: `ems.assembly`, and only where a site wants it: the packages are those of the extra `ems[oidc]`.

Decisions: the package is synchronous, so each call runs in a thread. What the provider publishes of itself is read anew
for each login: it changes its keys whenever it likes, and logins are rare.
"""
