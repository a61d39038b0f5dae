"""Objects as the specification words them are read, and what is told is what was read; what does not fit is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ems.adapters.ocpi.model.command import CommandResponse, CommandResult, ReserveNow, StartSession
from ems.adapters.ocpi.model.credentials import Credentials, VersionDetails
from ems.adapters.ocpi.model.location import Location
from ems.adapters.ocpi.model.session import Cdr, ChargingPreferences, Session
from ems.adapters.ocpi.model.tariff import Tariff
from ems.adapters.ocpi.model.token import AuthorizationInfo, Token
from ems.adapters.ocpi.model.types import Thing
from tests.adapters.ocpi.provider import token

AT = "2026-03-01T10:00:00Z"
CDR_TOKEN = {
    "country_code": "NL",
    "party_id": "TNM",
    "uid": "012345678",
    "type": "RFID",
    "contract_id": "NL8ACC12E46L89",
}
OWNER = {"country_code": "BE", "party_id": "BEC"}
TARIFF = {
    **OWNER,
    "id": "12",
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "TIME", "price": 2, "vat": 10, "step_size": 300}],
            "restrictions": {"start_time": "09:00", "end_time": "18:00", "day_of_week": ["MONDAY"], "max_current": 32},
        }
    ],
    "last_updated": AT,
}
PERIOD = {"start_date_time": AT, "dimensions": [{"type": "TIME", "volume": 1.973}], "tariff_id": "12"}
SESSION = {
    **OWNER,
    "id": "101",
    "start_date_time": AT,
    "kwh": 41,
    "cdr_token": CDR_TOKEN,
    "auth_method": "WHITELIST",
    "location_id": "LOC1",
    "evse_uid": "3256",
    "connector_id": "1",
    "currency": "EUR",
    "charging_periods": [PERIOD],
    "total_cost": {"excl_vat": 8.5, "incl_vat": 9.35},
    "status": "COMPLETED",
    "last_updated": AT,
}
PLACE = {"latitude": "51.047599", "longitude": "3.729944"}
CDR = {
    **OWNER,
    "id": "12345",
    "start_date_time": AT,
    "end_date_time": "2026-03-01T11:58:23.5Z",
    "cdr_token": CDR_TOKEN,
    "auth_method": "AUTH_REQUEST",
    "cdr_location": {
        "id": "LOC1",
        "address": "F.Rooseveltlaan 3A",
        "city": "Gent",
        "postal_code": "9000",
        "country": "BEL",
        "coordinates": PLACE,
        "evse_uid": "3256",
        "evse_id": "BE*BEC*E041503003",
        "connector_id": "1",
        "connector_standard": "IEC_62196_T2",
        "connector_format": "SOCKET",
        "connector_power_type": "AC_1_PHASE",
    },
    "currency": "EUR",
    "tariffs": [TARIFF],
    "charging_periods": [PERIOD],
    "total_cost": {"excl_vat": 4, "incl_vat": 4.4},
    "total_energy": 15.342,
    "total_time": 1.973,
    "credit": True,
    "credit_reference_id": "12344",
    "last_updated": AT,
}
LOCATION = {
    **OWNER,
    "id": "LOC1",
    "publish": True,
    "address": "F.Rooseveltlaan 3A",
    "city": "Gent",
    "country": "BEL",
    "coordinates": PLACE,
    "evses": [
        {
            "uid": "3256",
            "evse_id": "BE*BEC*E041503001",
            "status": "AVAILABLE",
            "capabilities": ["RESERVABLE"],
            "connectors": [
                {
                    "id": "1",
                    "standard": "IEC_62196_T2",
                    "format": "CABLE",
                    "power_type": "AC_3_PHASE",
                    "max_voltage": 230,
                    "max_amperage": 16,
                    "tariff_ids": ["11"],
                    "last_updated": AT,
                }
            ],
            "last_updated": AT,
        }
    ],
    "time_zone": "Europe/Brussels",
    "opening_times": {
        "twentyfourseven": False,
        "regular_hours": [{"weekday": 1, "period_begin": "08:00", "period_end": "20:00"}],
    },
    "last_updated": AT,
}
CREDENTIALS = {
    "token": "ebf3b399-779f-4497-9b9d-ac6ad3cc44d2",
    "url": "https://example.com/ocpi/versions/",
    "roles": [
        {
            "role": "CPO",
            "party_id": "EXA",
            "country_code": "NL",
            "business_details": {
                "name": "Example Operator",
                "website": "http://example.com",
                "logo": {
                    "url": "https://example.com/img/logo.jpg",
                    "category": "OPERATOR",
                    "type": "jpeg",
                    "width": 512,
                    "height": 512,
                },
            },
        }
    ],
}
START = {
    "response_url": "https://e.example/r/1",
    "token": token("012345678"),
    "location_id": "LOC1",
    "evse_uid": "3256",
}
AS_TOLD: list[tuple[type[Thing], dict[str, Any]]] = [
    (Token, token("012345678", visual_number="DF000-2001-8999-1", group_id="DF000-2001-8999", language="it")),
    (Tariff, TARIFF),
    (Session, SESSION),
    (Cdr, {**CDR, "end_date_time": "2026-03-01T11:58:23.500Z"}),
    (Location, LOCATION),
    (Credentials, CREDENTIALS),
    (StartSession, START),
    (ReserveNow, {**START, "reservation_id": "R-1", "expiry_date": AT}),
    (CommandResponse, {"result": "ACCEPTED", "timeout": 30}),
    (CommandResult, {"result": "EVSE_OCCUPIED", "message": [{"language": "en", "text": "taken"}]}),
    (ChargingPreferences, {"profile_type": "FAST", "departure_time": AT, "energy_need": 12.5}),
    (
        VersionDetails,
        {"version": "2.2.1", "endpoints": [{"identifier": "cdrs", "role": "SENDER", "url": "https://e.nl/c"}]},
    ),
    (
        AuthorizationInfo,
        {"allowed": "ALLOWED", "token": token("A"), "location": {"location_id": "L", "evse_uids": ["1"]}},
    ),
]


@pytest.mark.parametrize(("kind", "told"), AS_TOLD, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_read_is_what_is_told(kind: type[Thing], told: dict[str, Any]) -> None:
    assert kind.model_validate(told).told() == told
    assert kind.model_validate({**told, "from_a_later_version": {"x": [1]}}).told() == told


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uid", "x" * 37),
        ("uid", ""),
        ("uid", "tag\x00"),
        ("uid", "Säule"),
        ("uid", 12345678),
        ("country_code", "DEU"),
        ("party_id", "ABCD"),
        ("type", "PASSPORT"),
        ("valid", None),
        ("whitelist", "SOMETIMES"),
        ("last_updated", "yesterday"),
        ("last_updated", "2026-02-30T00:00:00Z"),
        ("last_updated", 1767225600),
        ("contract_id", ["NL8ACC"]),
        ("issuer", "x" * 65),
    ],
)
def test_a_token_that_does_not_fit_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Token.model_validate({**token("A"), field: value})


@pytest.mark.parametrize("price", ["2.00", True, float("nan"), float("inf"), None, {}])
def test_a_price_is_a_number(price: object) -> None:
    told = {**TARIFF, "elements": [{"price_components": [{"type": "TIME", "price": price, "step_size": 1}]}]}
    with pytest.raises(ValidationError):
        Tariff.model_validate(told)
