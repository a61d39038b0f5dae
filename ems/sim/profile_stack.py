"""The charging profiles that a station holds, and the limit that follows from them (OCPP 1.6, section 3.13).

The rules, as this file reads them:
 1. A profile replaces the one with its id, and the one of its purpose, level and connector (section 3.13.2, 5.16).
 2. Of one purpose the highest level that says something at the moment wins; one that has expired or not begun says
    nothing (3.13.2).
 3. ChargePointMaxProfile belongs on connector 0, TxProfile on a connector with a running transaction, whose id it
    matches if it names one; it is dropped when the transaction ends (3.13.1).
 4. A TxDefaultProfile on connector 0 counts for every connector that has none of its own (3.13.1). Whether it returns
    when the own one has expired is not stated; here it does, unless `Quirks.zero_returns` is off.
 5. TxProfile overrules TxDefaultProfile; what remains and ChargePointMaxProfile combine by the lower (3.13.3).
 6. Without any profile there is no limit (3.13.6).
 7. A limit in W is for all phases: it is divided by `numberPhases`, 3 if not given, at most the outlet's own (7.12).
 8. ChargePointMaxProfile is shared by all connectors (3.13.1); how is not stated: those that charge get equal parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ems.sim.charging_profile import Kind, Origins, Period, Profile, Purpose, Unit
from ems.sim.quirks import AbsoluteSchedule, Quirks

REPORTED_LEVELS = 8
REPORTED_PERIODS = 24
REPORTED_PROFILES = 30
NAMED_BY_NONE = 3
"""So many phases a period means that names no number."""


class Verdict(StrEnum):
    """ChargingProfileStatus, section 7.11."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_SUPPORTED = "NotSupported"


class Installed(NamedTuple):
    """A profile where it was put."""

    connector: int
    profile: Profile
    received: datetime


class Charge(NamedTuple):
    """The running transaction as far as profiles see it; `id` None until the central system gave one. `legs` that the
    vehicle uses, None while unknown; `sharing`: how many connectors of the station charge.
    """

    began: datetime
    id: int | None = None
    suspended: bool = False
    was_suspended: bool = False
    legs: int | None = None
    sharing: int = 1


class Shape(NamedTuple):
    """What turns watts into amperes at an outlet: its legs, the power of one ampere on one of them, its maximum."""

    legs: int
    watts_per_leg: float
    max_a: float

    def amps(self, period: Period, unit: Unit) -> float:
        """The period's limit in ampere per leg."""
        if unit is Unit.AMPERE:
            return period.limit
        return period.limit / (self.watts_per_leg * self._legs(period))

    def in_unit(self, amps: float, unit: Unit) -> float:
        """Ampere per leg in `unit`, to one decimal."""
        return round(amps if unit is Unit.AMPERE else amps * self.watts_per_leg * self.legs, 1)

    def _legs(self, period: Period) -> int:
        return min(NAMED_BY_NONE if period.phases is None else max(1, period.phases), self.legs)


@dataclass(frozen=True, slots=True)
class ProfileStack:
    """All profiles of a station with so many connectors; every method returns a new stack.

    `latched`: TxDefaultProfiles as they were when the transaction on a connector began, for stations on which later
    ones do not act (`Quirks.default_steers`).
    """

    connectors: int
    quirks: Quirks = field(default_factory=Quirks)
    installed: tuple[Installed, ...] = ()
    latched: Mapping[int, tuple[Installed, ...]] = field(default_factory=dict)

    def set(
        self, connector: int, profile: Profile, at: datetime, charge: Charge | None = None
    ) -> tuple[ProfileStack, Verdict]:
        """SetChargingProfile; `charge` is the transaction that runs on `connector`."""
        verdict = self._judge(connector, profile, charge)
        if verdict is not Verdict.ACCEPTED or self._swallows(profile, charge):
            return self, verdict
        if profile.purpose is Purpose.TX and charge is not None:
            # Tied to the transaction that runs, so that it does not act on a later one.
            profile = replace(profile, transaction=charge.id)
        if self.quirks.first_period_only:
            profile = replace(profile, periods=profile.periods[:1])
        kept = tuple(known for known in self.installed if not _replaces(connector, profile, known))
        if len(kept) >= (self.quirks.max_profiles or REPORTED_PROFILES):
            return self, Verdict.REJECTED
        return replace(self, installed=(*kept, Installed(connector, profile, at))), verdict

    def clear(
        self,
        profile_id: int | None = None,
        connector: int | None = None,
        purpose: Purpose | None = None,
        level: int | None = None,
    ) -> tuple[ProfileStack, bool]:
        """ClearChargingProfile: by id, or else all that match what is given; whether there were any."""

        def matches(known: Installed) -> bool:
            if profile_id is not None:
                return known.profile.id == profile_id
            return (
                (connector is None or known.connector == connector)
                and (purpose is None or known.profile.purpose is purpose)
                and (level is None or known.profile.level == level)
            )

        kept = tuple(known for known in self.installed if not matches(known))
        return replace(self, installed=kept), len(kept) < len(self.installed)

    def transaction_began(self, connector: int) -> ProfileStack:
        """A transaction begins on `connector`."""
        defaults = tuple(k for k in self.installed if k.profile.purpose is Purpose.TX_DEFAULT)
        return replace(self, latched={**self.latched, connector: defaults})

    def transaction_ended(self, connector: int) -> ProfileStack:
        """The transaction on `connector` ended and took its TxProfiles along."""
        kept = tuple(k for k in self.installed if not (k.connector == connector and k.profile.purpose is Purpose.TX))
        latched = {number: value for number, value in self.latched.items() if number != connector}
        return replace(self, installed=kept, latched=latched)

    def rebooted(self) -> ProfileStack:
        """What is left after a restart: profiles are persistent, but not on every station."""
        return self.forgotten() if self.quirks.forgets_at_boot else self

    def went_offline(self) -> ProfileStack:
        """What is left when the link broke."""
        return self.forgotten() if self.quirks.forgets_offline else self

    def forgotten(self) -> ProfileStack:
        """Nothing is left."""
        return replace(self, installed=(), latched={})

    def limit_at(self, connector: int, at: datetime, shape: Shape, charge: Charge | None = None) -> float | None:
        """Ampere per leg that the profiles allow on `connector`; None when they do not limit it."""
        if self.quirks.stuck_a is not None:
            return self.quirks.stuck_a
        if not self.quirks.obeys:
            return None
        if charge is not None and 0 <= (at - charge.began).total_seconds() < self.quirks.begins_unlimited_s:
            return None
        default = self._highest(self._defaults(connector, at, charge), at, shape, charge)
        session = None
        if charge is not None:
            own = [k for k in self._of(Purpose.TX) if k.connector == connector]
            session = self._highest([k for k in own if _fits(k.profile, charge)], at, shape, charge)
        combined = default if session is None else session
        if session is not None and default is not None and not self.quirks.tx_overrules_default:
            combined = min(session, default)
        most = self._highest(self._of(Purpose.STATION_MAX), at, shape, None)
        if most is not None and charge is not None and not self.quirks.station_max_each:
            most /= max(1, charge.sharing)
        limits = [limit for limit in (combined, most) if limit is not None]
        return min(limits) if limits else None

    def phases_at(self, connector: int, at: datetime, charge: Charge | None = None) -> int:
        """How many phases the profile in force lets `connector` use: three unless it names another number (7.13)."""
        own = [k for k in self._of(Purpose.TX) if charge and k.connector == connector and _fits(k.profile, charge)]
        found = self._valid(own, at, charge) or self._valid(self._defaults(connector, at, charge), at, charge)
        return NAMED_BY_NONE if found is None or found[0].phases is None else max(1, found[0].phases)

    def composite(
        self, connector: int, at: datetime, duration_s: float, shape: Shape, charge: Charge | None = None
    ) -> list[tuple[int, float]]:
        """GetCompositeSchedule: (seconds from `at`, ampere per leg), at most the hardware's own maximum.

        On connector 0 only what limits the station as a whole.
        """
        until = at + timedelta(seconds=duration_s)
        moments = {at}
        for known in (*self.installed, *self.latched.get(connector, ())):
            origins = self._origins(known, charge)
            moments |= set(known.profile.changes(at, until, origins))
        limit_at: Callable[[datetime], float | None] = (
            (lambda t: self._highest(self._of(Purpose.STATION_MAX), t, shape, None))
            if connector == 0
            else (lambda t: self.limit_at(connector, t, shape, charge))
        )
        schedule: list[tuple[int, float]] = []
        for moment in sorted(moments):
            limit = limit_at(moment)
            amps = shape.max_a if limit is None else min(limit, shape.max_a)
            if not schedule or schedule[-1][1] != amps:
                schedule.append((round((moment - at).total_seconds()), amps))
        return schedule

    def _judge(self, connector: int, profile: Profile, charge: Charge | None) -> Verdict:
        quirks, purpose = self.quirks, profile.purpose
        unknown = {Purpose.TX: not quirks.tx_profile, Purpose.STATION_MAX: not quirks.station_max}
        if unknown.get(purpose, False):
            return Verdict.NOT_SUPPORTED
        wrong_place = (
            not 0 <= connector <= self.connectors
            or (purpose is Purpose.STATION_MAX and connector != 0)
            or (purpose is Purpose.TX and (connector == 0 or charge is None or not _fits(profile, charge)))
        )
        refused = (
            wrong_place
            or quirks.refuses
            or (connector == 0 and not quirks.station_wide)
            or (purpose is Purpose.TX and quirks.tx_profile_needs_id and profile.transaction is None)
            or (purpose is Purpose.TX and quirks.tx_profile_locks and charge is not None and charge.was_suspended)
            or (profile.level > self._levels() and not quirks.swallows_high_levels)
            or (quirks.max_profile_id is not None and profile.id > quirks.max_profile_id)
            or self._refuses_schedule(profile)
        )
        return Verdict.REJECTED if refused else Verdict.ACCEPTED

    def _refuses_schedule(self, profile: Profile) -> bool:
        quirks, absolute = self.quirks, profile.kind is Kind.ABSOLUTE
        window = profile.valid_from is not None or profile.valid_to is not None
        phases = {period.phases is not None for period in profile.periods}
        return (
            (profile.unit not in quirks.units and not quirks.swallows_wrong_unit)
            or len(profile.periods) > (quirks.max_periods or REPORTED_PERIODS)
            or (quirks.whole_numbers and any(period.limit % 1 for period in profile.periods))
            or (absolute and quirks.absolute in {AbsoluteSchedule.REFUSED, AbsoluteSchedule.UNANSWERED})
            or (absolute and quirks.absolute_needs_start and profile.start is None)
            or (profile.kind is Kind.RELATIVE and window and not quirks.validity_with_relative)
            or (quirks.number_phases is not None and (not quirks.number_phases) in phases)
        )

    def _levels(self) -> int:
        return REPORTED_LEVELS if self.quirks.highest_level is None else self.quirks.highest_level

    def _swallows(self, profile: Profile, charge: Charge | None) -> bool:
        """Accepted, but without effect."""
        suspended = charge is not None and charge.suspended
        dropped = self.quirks.drops_tx_profile_while_suspended and suspended and profile.purpose is Purpose.TX
        ignored = profile.kind is Kind.ABSOLUTE and self.quirks.absolute is AbsoluteSchedule.IGNORED
        return dropped or ignored or profile.level > self._levels() or profile.unit not in self.quirks.units

    def _of(self, purpose: Purpose) -> list[Installed]:
        return [known for known in self.installed if known.profile.purpose is purpose]

    def _defaults(self, connector: int, at: datetime, charge: Charge | None) -> list[Installed]:
        known = self._of(Purpose.TX_DEFAULT)
        if charge is not None and not self.quirks.default_steers:
            known = list(self.latched.get(connector, known))
        own = [k for k in known if k.connector == connector]
        wide = [k for k in known if k.connector == 0]
        if not own:
            return wide
        if self.quirks.zero_returns and not any(k.profile.period_at(at, self._origins(k, charge)) for k in own):
            return wide
        return own

    def _highest(self, candidates: list[Installed], at: datetime, shape: Shape, charge: Charge | None) -> float | None:
        found = self._valid(candidates, at, charge)
        if found is None:
            return None
        used = charge.legs if charge is not None and self.quirks.watts_by_use else None
        return shape._replace(legs=used or shape.legs).amps(*found)

    def _valid(self, candidates: list[Installed], at: datetime, charge: Charge | None) -> tuple[Period, Unit] | None:
        """What the highest of them says that is valid."""
        for known in sorted(candidates, key=lambda k: -k.profile.level):
            period = known.profile.period_at(at, self._origins(known, charge))
            if period is not None:
                return period, known.profile.unit
        return None

    def _origins(self, known: Installed, charge: Charge | None) -> Origins:
        began = None if charge is None or self.quirks.relative_from_receipt else charge.began
        return Origins(known.received, began)


def _replaces(connector: int, profile: Profile, known: Installed) -> bool:
    same_place = known.connector == connector and known.profile.purpose is profile.purpose
    return known.profile.id == profile.id or (same_place and known.profile.level == profile.level)


def _fits(profile: Profile, charge: Charge) -> bool:
    return profile.transaction is None or profile.transaction == charge.id
