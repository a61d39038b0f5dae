"""The shape of the sections that say where this machine listens: `ocpp` and `web`."""

from __future__ import annotations

from pydantic import Field

from ems.domain.access.account import LoginRule
from ems.settings.schema import EVERY_NETWORK, Host, HostNames, Port, Section


class OcppSection(Section):
    """`ocpp:`, where stations are listened for."""

    host: Host = Field(EVERY_NETWORK, description="address of this machine in the stations' network")
    port: Port = Field(9000, description="TCP port")
    upload_port: Port | None = Field(None, description="stations put files there over HTTP; without one: a free port")
    ftp_port: Port | None = Field(None, description="stations put files there over FTP; without one: a free port")


class WebSection(Section):
    """`web:`, where the page is served."""

    host: Host = Field("127.0.0.1", description="127.0.0.1, or an address that others reach; then they log in")
    port: Port = Field(8080, description="TCP port")
    login: LoginRule = Field(LoginRule.TO_CHANGE, description="required, to-change or loopback-free")
    names: HostNames = Field((), description="as [depot.example]")
    trusted_proxy: Host | None = Field(None, description="address of a server with TLS that stands before the page")
    kiosk: bool = Field(False, description="true: /kiosk shows free bays and load to everybody, without a login")
