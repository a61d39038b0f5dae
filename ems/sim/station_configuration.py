"""The configuration keys of a virtual station (OCPP 1.6, section 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ems.sim.profile_stack import REPORTED_LEVELS, REPORTED_PERIODS, REPORTED_PROFILES
from ems.sim.quirks import MeteringQuirks, Phases, Quirks

MAX_KEYS = 50


class Key(NamedTuple):
    """A value as text; `accepts` judges a new one, None where it cannot be changed. `hidden` values cannot be read."""

    value: str
    accepts: Callable[[str], bool] | None = None
    hidden: bool = False


def _whole(text: str) -> bool:
    return text.isdigit() and len(text) <= 9


def _boolean(text: str) -> bool:
    return text.lower() in {"true", "false"}


def _password(text: str) -> bool:
    return 16 <= len(text) <= 40


class StationConfiguration:
    """The keys by name; names are compared without regard to case."""

    def __init__(self, connectors: int, quirks: Quirks, metering: MeteringQuirks) -> None:
        self._metering = metering
        self._keys = _keys(connectors, quirks, self._measurands)

    def get(self, names: Iterable[str]) -> tuple[list[dict[str, object]], list[str]]:
        """GetConfiguration: the entries asked for (all when nothing is named), and the unknown names."""
        wanted = list(names)
        if not wanted:
            return [self._entry(name) for name in self._keys if not self._keys[name].hidden], []
        found = [self._find(name) for name in wanted]
        known = [name for name in found if name is not None and not self._keys[name].hidden]
        readable = {name.lower() for name in known}
        return [self._entry(name) for name in known], [name for name in wanted if name.lower() not in readable]

    def change(self, name: str, value: str) -> str:
        """ChangeConfiguration: the status to answer."""
        found = self._find(name)
        if found is None:
            return "NotSupported"
        key = self._keys[found]
        if key.accepts is None or not key.accepts(value):
            return "Rejected"
        self._keys[found] = key._replace(value=value)
        return "Accepted"

    def text(self, name: str) -> str:
        """The value of a key that this station has."""
        return self._keys[name].value

    def number(self, name: str) -> float:
        """The same as a number."""
        return float(self._keys[name].value)

    def flag(self, name: str) -> bool:
        """The same as a truth."""
        return self._keys[name].value.lower() == "true"

    def names(self, name: str) -> tuple[str, ...]:
        """The same as a list."""
        return tuple(part.strip() for part in self._keys[name].value.split(",") if part.strip())

    def _find(self, name: str) -> str | None:
        return next((known for known in self._keys if known.lower() == name.lower()), None)

    def _entry(self, name: str) -> dict[str, object]:
        key = self._keys[name]
        return {"key": name, "readonly": key.accepts is None, "value": key.value}

    def _measurands(self, text: str) -> bool:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        most = self._metering.max_measurands
        return (most is None or len(parts) <= most) and all(part in self._metering.measurands for part in parts)


def _keys(connectors: int, quirks: Quirks, measurands: Callable[[str], bool]) -> dict[str, Key]:
    return {
        **_smart_charging(quirks),
        "AllowOfflineTxForUnknownId": Key("true", _boolean),
        "AuthorizationCacheEnabled": Key("false", _boolean),
        "AuthorizationKey": Key("", _password, hidden=True),
        "AuthorizeRemoteTxRequests": Key("false", _boolean),
        "ClockAlignedDataInterval": Key("0", _whole),
        "ConnectionTimeOut": Key("60", _whole),
        "GetConfigurationMaxKeys": Key(str(MAX_KEYS)),
        "HeartbeatInterval": Key("300", _whole),
        "LocalAuthListEnabled": Key("true", _boolean),
        "LocalAuthListMaxLength": Key("100"),
        "LocalAuthorizeOffline": Key("true", _boolean),
        "LocalPreAuthorize": Key("false", _boolean),
        "MeterValueSampleInterval": Key("60", _whole),
        "MeterValuesAlignedData": Key("Energy.Active.Import.Register", measurands),
        "MeterValuesSampledData": Key("Energy.Active.Import.Register", measurands),
        "MinimumStatusDuration": Key("0", _whole),
        "NumberOfConnectors": Key(str(connectors)),
        "ResetRetries": Key("3", _whole),
        "SendLocalListMaxLength": Key("100"),
        "StopTransactionOnEVSideDisconnect": Key("true", _boolean),
        "StopTransactionOnInvalidId": Key("true", _boolean),
        "StopTxnAlignedData": Key("", measurands),
        "StopTxnSampledData": Key("", measurands),
        "TransactionMessageAttempts": Key("3", _whole),
        "TransactionMessageRetryInterval": Key("10", _whole),
        "UnlockConnectorOnEVSideDisconnect": Key("true", _boolean),
        "WebSocketPingInterval": Key("60", _whole),
    }


def _smart_charging(quirks: Quirks) -> dict[str, Key]:
    """What a station says of the limits that it takes, which may not be what it does."""
    units = ",".join(sorted({"A": "Current", "W": "Power"}[unit] for unit in quirks.units))
    levels = REPORTED_LEVELS if quirks.highest_level is None or quirks.swallows_high_levels else quirks.highest_level
    levels = levels if quirks.reported_level is None else quirks.reported_level
    smart = "" if quirks.hides_features or not quirks.smart_charging else ",SmartCharging"
    profiles = f"Core,FirmwareManagement,LocalAuthListManagement,Reservation{smart},RemoteTrigger"
    return {
        "ChargeProfileMaxStackLevel": Key(str(levels)),
        "ChargingScheduleAllowedChargingRateUnit": Key(quirks.reported_units or units),
        "ChargingScheduleMaxPeriods": Key(str(quirks.max_periods or REPORTED_PERIODS)),
        "ConnectorSwitch3to1PhaseSupported": Key("false" if quirks.phases is Phases.FIXED else "true"),
        "MaxChargingProfilesInstalled": Key(str(quirks.max_profiles or REPORTED_PROFILES)),
        "SupportedFeatureProfiles": Key(profiles),
    }
