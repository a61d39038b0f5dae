"""The shape of `ocpi:`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, PlainValidator, StringConstraints

from ems.domain.limit import LimitWindow
from ems.domain.recurrence import DayWindow
from ems.settings.payment_schema import web_address
from ems.settings.schema import Name, Section, problem
from ems.settings.secret_schema import Secret

STANDARDS = (
    "CHADEMO", "CHAOJI", "DOMESTIC_E", "DOMESTIC_F", "DOMESTIC_G", "GBT_AC", "GBT_DC", "IEC_60309_2_single_16",
    "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_62196_T1", "IEC_62196_T1_COMBO", "IEC_62196_T2",
    "IEC_62196_T2_COMBO", "IEC_62196_T3A", "IEC_62196_T3C", "NEMA_5_20", "NEMA_6_30", "NEMA_6_50", "NEMA_14_30",
    "NEMA_14_50", "TESLA_R", "TESLA_S",
)  # fmt: skip
PARKING = (
    "ALONG_MOTORWAY", "PARKING_GARAGE", "PARKING_LOT", "ON_DRIVEWAY", "ON_STREET", "UNDERGROUND_GARAGE",
)  # fmt: skip


def _word(pattern: str, what: str, example: str) -> Any:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise problem(f"'{str(value)[:40]}' is not {what}", f"write for example {example}")
        return value

    return PlainValidator(read)


def _one_of(words: tuple[str, ...], what: str) -> Any:
    def read(value: Any) -> str:
        if value not in words:
            raise problem(f"'{str(value)[:40]}' is not {what} of OCPI", f"write one of {', '.join(words)}")
        return str(value)

    return PlainValidator(read)


def _hours(value: Any) -> tuple[DayWindow, ...]:
    example = "write for example ['Mon-Fri 06:00-22:00']"
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise problem(f"'{str(value)[:40]}' are no opening hours", example)
    try:
        return tuple(DayWindow(*LimitWindow.parse_when(text)) for text in texts)
    except ValueError as error:
        message, _, remedy = str(error).partition(": ")
        raise problem(message[:80], remedy or example) from None


def _coordinates(value: Any) -> tuple[float, float]:
    example = "write latitude and longitude in degrees: [52.52, 13.405]"
    numbers = value if isinstance(value, list) else []
    told = [float(one) for one in numbers if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(told) != len(numbers) or len(told) != 2:
        raise problem(f"'{str(value)[:40]}' are no coordinates", example)
    latitude, longitude = told
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise problem(f"'{str(value)[:40]}' are no coordinates", example)
    return latitude, longitude


Url = Annotated[str, PlainValidator(web_address)]
Country2 = Annotated[str, _word(r"[A-Z]{2}", "a country", "DE")]
Country3 = Annotated[str, _word(r"[A-Z]{3}", "a country of three letters", "DEU")]
PartyWord = Annotated[str, _word(r"[A-Z0-9]{3}", "a party id", "ABC, as your national registry gave it to you")]
Location = Annotated[str, _word(r"[A-Za-z0-9._~-]{1,36}", "the id of a location", "DEPOT-NORTH")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=45)]


class PlugSection(Section):
    """`connector:` and each entry of `connectors:`."""

    standard: Annotated[str, _one_of(STANDARDS, "a connector standard")] = Field(
        description="as OCPI names it, for example IEC_62196_T2"
    )
    cable: bool = Field(False, description="true: the cable belongs to the station")


class PartnerSection(Section):
    """One entry of `partners:`; its key is what the partner is called here."""

    name: Name | None = Field(None, description="what people call it")
    versions_url: Url | None = Field(None, description="where it serves its OCPI versions")
    token_file: Secret | None = Field(None, description="a file with the token that it gave us to register with")


class OcpiSection(Section):
    """`ocpi:`, for roaming: drivers of other providers charge here."""

    country_code: Country2 = Field(description="of your party id, for example DE")
    party_id: PartyWord = Field(description="three letters of the operator, for example ABC")
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(description="of the operator")
    website: Url | None = Field(None, description="of the operator")
    public_url: Url = Field(description="where partners reach this controller, for example https://charge.example.com")
    location_id: Location = Field(description="what this site is called among your sites; never change it")
    address: Short = Field(description="street and number")
    city: Short = Field(description="the city")
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=10)] | None = Field(
        None, description='for example "01067"'
    )
    country: Country3 = Field(description="three letters, for example DEU")
    coordinates: Annotated[tuple[float, float], PlainValidator(_coordinates)] = Field(
        description="latitude and longitude: [52.52, 13.405]"
    )
    parking: Annotated[str, _one_of(PARKING, "a kind of parking")] | None = Field(
        None, description="for example PARKING_LOT"
    )
    opening: Annotated[tuple[DayWindow, ...], PlainValidator(_hours)] = Field(
        (), description="hours as ['Mon-Fri 06:00-22:00']; always open unless stated"
    )
    published: bool = Field(True, description="false: partners must not show it to everybody")
    connector: PlugSection | None = Field(None, description="{standard: IEC_62196_T2, cable: true}")
    connectors: dict[Name, PlugSection] = Field(default_factory=dict, description="by station or EVSE")
    partners: dict[Name, PartnerSection] = Field(default_factory=dict, description="providers whose drivers may charge")
