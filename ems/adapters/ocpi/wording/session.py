"""Sessions of guests and their charge detail records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ems.adapters.ocpi.model import session as model
from ems.adapters.ocpi.model.location import ConnectorFormat, Evse
from ems.adapters.ocpi.model.tariff import Tariff
from ems.adapters.ocpi.model.token import CdrToken, Token
from ems.adapters.ocpi.model.types import Price
from ems.adapters.ocpi.naming import CONNECTOR, tariff_id
from ems.adapters.ocpi.wording.location import coordinates
from ems.domain.billing.money import major
from ems.domain.billing.price_list import PriceList, Unit
from ems.domain.billing.receipt import Receipt, ReceiptLine
from ems.domain.billing.tab import Tab
from ems.domain.billing.usage import pieces
from ems.domain.local_clock import local
from ems.domain.roaming import Operator
from ems.domain.site import Site

PLACES = Decimal("0.0001")
HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class Permission:
    """By what right a guest charges: its token, how it was authorised, and the partner's word for that."""

    token: Token
    method: model.AuthMethod
    reference: str | None = None


def cdr_token(token: Token) -> CdrToken:
    """A token as sessions name it."""
    return CdrToken.model_validate(token.model_dump(include={"country_code", "party_id", "uid", "type", "contract_id"}))


def begun(
    operator: Operator, site: Site, name: str, uid: str, by: Permission, at: tuple[datetime, datetime]
) -> model.Session:
    """A session that has begun; `at`: its plug-in, and now."""
    return model.Session(
        country_code=operator.party.country_code,
        party_id=operator.party.party_id,
        id=name,
        start_date_time=at[0],
        kwh=Decimal(0),
        cdr_token=cdr_token(by.token),
        auth_method=by.method,
        authorization_reference=by.reference,
        location_id=operator.location,
        evse_uid=uid,
        connector_id=CONNECTOR,
        currency=site.currency,
        status=model.SessionStatus.ACTIVE,
        last_updated=at[1],
    )


def kwh(energy_wh: float) -> Decimal:
    """Whole Wh in kWh."""
    return Decimal(round(energy_wh)) / 1000


def price_of(lines: tuple[ReceiptLine, ...], currency: str) -> Price:
    """What lines of a receipt cost, without and with tax."""
    net, gross = sum(line.net for line in lines), sum(line.amount for line in lines)
    return Price(excl_vat=major(net, currency), incl_vat=major(gross, currency))


def cost_so_far(tab: Tab | None, zone: ZoneInfo) -> Price | None:
    """What a session costs by now; None where nobody knows."""
    made = None if tab is None else tab.receipt(zone)
    return None if made is None else price_of(made.lines, made.currency)


def cdr(
    operator: Operator, site: Site, told: model.Session, place: Evse, tab: Tab, made: Receipt | None,
    tariff: Tariff | None,
) -> model.Cdr:  # fmt: skip
    """What a session was. Periods add up to its energy and time, costs to the total, and that to the receipt."""
    lines = () if made is None else made.lines
    currency = site.currency if made is None else made.currency
    periods = list(_periods(tab, site.zone))
    connector = place.connectors[0]
    parked = sum((_volume(one, "PARKING_TIME") for one in periods), Decimal(0))
    return model.Cdr(
        country_code=told.country_code,
        party_id=told.party_id,
        id=told.id,
        start_date_time=tab.usage.plugged,
        end_date_time=tab.usage.until,
        session_id=told.id,
        cdr_token=told.cdr_token,
        auth_method=told.auth_method,
        authorization_reference=told.authorization_reference,
        cdr_location=model.CdrLocation(
            id=operator.location,
            name=site.name[:255],
            address=operator.address,
            city=operator.city,
            postal_code=operator.postal_code or None,
            country=operator.country,
            coordinates=coordinates(operator),
            evse_uid=place.uid,
            evse_id=place.evse_id or place.uid,
            connector_id=connector.id,
            connector_standard=connector.standard,
            connector_format=ConnectorFormat(connector.format),
            connector_power_type=connector.power_type,
        ),
        currency=currency,
        tariffs=None if tariff is None else [tariff],
        charging_periods=periods,
        total_cost=price_of(lines, currency),
        total_fixed_cost=_cost(lines, Unit.SESSION, currency),
        total_energy=kwh(tab.usage.energy_wh),
        total_energy_cost=_cost(lines, Unit.KWH, currency),
        total_time=sum((_volume(one, "TIME") for one in periods), parked),
        total_time_cost=_cost(lines, Unit.MINUTE, currency),
        total_parking_time=parked,
        total_parking_cost=_cost(lines, Unit.IDLE_MINUTE, currency),
        last_updated=told.last_updated,
    )


def _cost(lines: tuple[ReceiptLine, ...], unit: Unit, currency: str) -> Price | None:
    ours = tuple(line for line in lines if line.unit is unit)
    return price_of(ours, currency) if ours else None


def _volume(period: model.ChargingPeriod, dimension: str) -> Decimal:
    return next((one.volume for one in period.dimensions if one.type == dimension), Decimal(0))


@dataclass(slots=True)
class _Stretch:
    """Quarter hours in a row in which the same prices counted."""

    since_s: float
    key: object
    energy_wh: int = 0
    charging_s: float = 0.0
    idle_s: float = 0.0


def _periods(tab: Tab, zone: ZoneInfo) -> Iterator[model.ChargingPeriod]:
    """From plug-in to plug-out. Hours are rounded so that what is told adds up to the whole time, rounded."""
    prices = tab.prices
    name = None if prices is None else tariff_id(prices.id)
    charged = parked = told_charged = told_parked = Decimal(0)
    for stretch in _stretches(tab, zone, prices):
        charged += Decimal(str(round(stretch.charging_s, 3)))
        parked += Decimal(str(round(stretch.idle_s, 3)))
        hours, idle_hours = (charged / HOUR).quantize(PLACES), (parked / HOUR).quantize(PLACES)
        dimensions = [
            model.CdrDimension(type=kind, volume=volume)
            for kind, volume in (
                ("ENERGY", kwh(stretch.energy_wh)),
                ("TIME", hours - told_charged),
                ("PARKING_TIME", idle_hours - told_parked),
            )
            if volume
        ]
        told_charged, told_parked = hours, idle_hours
        yield model.ChargingPeriod(
            start_date_time=datetime.fromtimestamp(stretch.since_s, UTC),
            dimensions=dimensions or [model.CdrDimension(type="TIME", volume=Decimal(0))],
            tariff_id=name,
        )


def _stretches(tab: Tab, zone: ZoneInfo, prices: PriceList | None) -> list[_Stretch]:
    usage = tab.usage
    quarters = {one.starts_s: one for one in usage.quarters}
    spans = list(pieces(usage.plugged, usage.until))
    spans += [(starts_s, 0.0) for starts_s in sorted(quarters.keys() - {starts_s for starts_s, _ in spans})]
    found: list[_Stretch] = []
    for starts_s, seconds in sorted(spans):
        quarter = quarters.get(starts_s)
        energy, idle = (0, 0) if quarter is None else (quarter.energy_wh, quarter.idle_s)
        at = local(starts_s, zone)
        fees = () if prices is None else tuple(prices.fee(unit, at) for unit in Unit if unit is not Unit.SESSION)
        key = (fees, idle > 0)
        if not found or found[-1].key != key:
            since = max(float(starts_s), usage.plugged.timestamp())
            found.append(_Stretch(since, key))
        idle_s = min(float(idle), seconds)
        found[-1].energy_wh += energy
        found[-1].idle_s += idle_s
        found[-1].charging_s += seconds - idle_s
    return found or [_Stretch(usage.plugged.timestamp(), None)]
