"""The wrong and odd ways of real stations, one field each; the defaults are those of a station that follows OCPP 1.6.

Each field names the behaviour as it was seen in the field; several may be combined. What a quirk does to the current
is in `profile_stack` and `pilot`, what it does to messages in `station_answers`, `station_configuration` and
`metering`. Which make has which is in `station_kinds`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Zero(StrEnum):
    """What a limit of 0 A does; STAYS: it pauses, and no higher limit ends that pause."""

    PAUSES = "pauses"
    ENDS_SESSION = "ends-session"
    IGNORED = "ignored"
    STAYS = "stays"


class Phases(StrEnum):
    """What a station does that is told to use one phase of three: nothing, and it says so; nothing, although it says
    that it can; it switches; or it switches as long as no current flows.
    """

    FIXED = "fixed"
    ONLY_SAYS = "only-says"
    SWITCHES = "switches"
    SWITCHES_PAUSED = "switches-paused"


class Composite(StrEnum):
    """How GetCompositeSchedule is answered."""

    RIGHT = "right"
    MISSING = "missing"
    MINUS_ONE = "minus-one"
    EMPTY = "empty"
    REJECTED = "rejected"


class AbsoluteSchedule(StrEnum):
    """What happens to a profile of kind Absolute."""

    WORKS = "works"
    REFUSED = "refused"
    IGNORED = "ignored"
    UNANSWERED = "unanswered"


class Clear(StrEnum):
    """What ClearChargingProfile does; the last two leave everything as it is."""

    WORKS = "works"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a station treats limits.

    What it says of itself: `smart_charging` False: no profile is taken and the feature is not listed; `hides_features`:
    it works, and is not listed. `reported_level`, `reported_units`: what the configuration says instead of the truth.

    Acceptance: `refuses` all. `highest_level` is the stack level it really has; above it a profile is refused, or
    accepted without effect when `swallows_high_levels`. `units` that work; the others are refused, or accepted without
    effect when `swallows_wrong_unit`. `whole_numbers`: a limit with decimals is refused. `station_max`,
    `tx_profile`: these purposes are known; `tx_profile_needs_id`: it must name its transaction; `tx_profile_locks`:
    after a suspension no further one is taken. `station_wide`: profiles on connector 0 are taken. `absolute`,
    `absolute_needs_start`, `validity_with_relative`, `number_phases` (None: either; True: needed; False: refused),
    `max_periods`, `max_profiles`, `max_profile_id`: what it takes. `clear`: whether profiles can be cleared.

    Effect: `obeys` False: accepted, and nothing follows; `stuck_a`: stays there whatever it accepts. `default_steers`:
    a new TxDefaultProfile acts on the running transaction. `tx_overrules_default` False: the lower of both counts.
    `zero_returns`: a TxDefaultProfile on connector 0 counts again where the one on the connector has expired.
    `station_max_each`: the station's maximum is given to each connector. `first_period_only`: later ones do not come.
    `watts_by_use`: watts are divided by the phases that the vehicle uses. `drops_tx_profile_while_suspended`: accepted,
    but gone. `relative_from_receipt`: Relative counts from receipt instead of from the begin of the transaction.
    `begins_unlimited_s`: so long a transaction runs before any profile acts. `phases`: whether it uses as many as it is
    told. `zero`, `first_after_zero_ignored`: see
    `pilot`. `steps_a`: the only currents it can offer, `step_a`: its resolution; it rounds down, unless
    `off_step_ignored`. `min_a`: below it it pauses, or offers just that when `raises_to_min`. `apply_s`: from
    acceptance to the pilot. `spike_s`: after each replaced or cleared profile it offers its maximum for so long.

    Memory: `forgets_at_boot`, `forgets_offline`: profiles are lost with the power or the link.

    Answers: `answers_after_s` delays the answer to SetChargingProfile, infinite for none. `composite`, and
    `composite_in_other_unit`. `settle_s`: it hangs up when it is called sooner after it has connected.
    `boot_trigger_kills`: it hangs up when it is asked to boot. `clock_skew_s`: its clock is ahead of ours.
    """

    smart_charging: bool = True
    hides_features: bool = False
    reported_level: int | None = None
    reported_units: str | None = None
    refuses: bool = False
    highest_level: int | None = None
    swallows_high_levels: bool = False
    units: frozenset[str] = frozenset({"A", "W"})
    swallows_wrong_unit: bool = False
    whole_numbers: bool = False
    station_max: bool = True
    tx_profile: bool = True
    tx_profile_needs_id: bool = False
    tx_profile_locks: bool = False
    station_wide: bool = True
    absolute: AbsoluteSchedule = AbsoluteSchedule.WORKS
    absolute_needs_start: bool = False
    validity_with_relative: bool = True
    number_phases: bool | None = None
    max_periods: int | None = None
    max_profiles: int | None = None
    max_profile_id: int | None = None
    clear: Clear = Clear.WORKS
    obeys: bool = True
    stuck_a: float | None = None
    default_steers: bool = True
    tx_overrules_default: bool = True
    zero_returns: bool = True
    station_max_each: bool = False
    first_period_only: bool = False
    watts_by_use: bool = False
    drops_tx_profile_while_suspended: bool = False
    relative_from_receipt: bool = False
    begins_unlimited_s: float = 0.0
    phases: Phases = Phases.FIXED
    zero: Zero = Zero.PAUSES
    first_after_zero_ignored: bool = False
    steps_a: tuple[float, ...] = ()
    step_a: float = 0.1
    off_step_ignored: bool = False
    min_a: float = 6.0
    raises_to_min: bool = False
    apply_s: float = 1.0
    spike_s: float = 0.0
    forgets_at_boot: bool = False
    forgets_offline: bool = False
    answers_after_s: float = 0.0
    composite: Composite = Composite.RIGHT
    composite_in_other_unit: bool = False
    settle_s: float = 0.0
    boot_trigger_kills: bool = False
    clock_skew_s: float = 0.0


@dataclass(frozen=True, slots=True)
class MeteringQuirks:
    """How a station reports what it measures.

    `measurands` it can report at all, `max_measurands` at once. `per_phase` False: one current, without a phase.
    `phase_names`: what it calls its phases. `placeholder_phases`: a one-phase station reports zeros for the others.
    `power_in_kw`, `energy_in_kwh`: the unit is given so; `watts_called_kw`: the unit is wrong. `unit_missing`: no unit
    is given, whatever the value is in. `energy_from_zero`: the register in MeterValues begins at 0 with each
    transaction. `dc_volts`: current and voltage are those of the DC side. `offered_a`: what it says that it offers.
    `every_s`: its interval, whatever it accepts. `on_connector_zero`: values name connector 0 and no transaction.
    `sample_after_stop`: the last current is reported once more when the transaction is over.
    """

    measurands: tuple[str, ...] = (
        "Current.Import",
        "Current.Offered",
        "Power.Active.Import",
        "Energy.Active.Import.Register",
        "Voltage",
        "SoC",
    )
    max_measurands: int | None = None
    per_phase: bool = True
    phase_names: tuple[str, str, str] = ("L1", "L2", "L3")
    placeholder_phases: bool = False
    power_in_kw: bool = False
    watts_called_kw: bool = False
    energy_in_kwh: bool = False
    unit_missing: bool = False
    energy_from_zero: bool = False
    dc_volts: float | None = None
    offered_a: float | None = None
    every_s: float | None = None
    on_connector_zero: bool = False
    sample_after_stop: bool = False


NEVER_ANSWERS = math.inf

QUIRKS: dict[str, Quirks] = {
    "conforming": Quirks(),
    "no-smart-charging": Quirks(smart_charging=False),
    "hides-its-features": Quirks(hides_features=True),
    "refuses-all": Quirks(refuses=True),
    "single-level": Quirks(highest_level=0),
    "boasts-levels": Quirks(highest_level=0, reported_level=16),
    "absurd-level": Quirks(highest_level=1, reported_level=999),
    "swallows-high-levels": Quirks(highest_level=0, swallows_high_levels=True),
    "watts-only": Quirks(units=frozenset({"W"})),
    "watts-only-swallowing": Quirks(units=frozenset({"W"}), swallows_wrong_unit=True),
    "amperes-only-swallowing": Quirks(units=frozenset({"A"}), swallows_wrong_unit=True),
    "odd-unit-text": Quirks(units=frozenset({"A"}), reported_units="amp;"),
    "watts-by-use": Quirks(units=frozenset({"W"}), watts_by_use=True),
    "whole-amperes": Quirks(whole_numbers=True, step_a=1.0),
    "coarse-steps": Quirks(steps_a=(6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 25.0, 32.0)),
    "ignores-between-steps": Quirks(steps_a=(6.0, 10.0, 16.0, 32.0), off_step_ignored=True),
    "minimum-of-8": Quirks(min_a=8.0),
    "raises-to-minimum": Quirks(raises_to_min=True),
    "no-station-max": Quirks(station_max=False),
    "station-max-for-each": Quirks(station_max_each=True),
    "no-tx-profile": Quirks(tx_profile=False),
    "needs-transaction-id": Quirks(tx_profile_needs_id=True),
    "locks-tx-profile": Quirks(tx_profile_locks=True),
    "tx-profile-only": Quirks(default_steers=False),
    "minimum-of-both": Quirks(tx_overrules_default=False),
    "per-connector": Quirks(station_wide=False),
    "relative-only": Quirks(absolute=AbsoluteSchedule.REFUSED),
    "ignores-absolute": Quirks(absolute=AbsoluteSchedule.IGNORED),
    "silent-to-absolute": Quirks(absolute=AbsoluteSchedule.UNANSWERED),
    "absolute-needs-start": Quirks(absolute_needs_start=True),
    "no-validity-with-relative": Quirks(validity_with_relative=False),
    "relative-from-receipt": Quirks(relative_from_receipt=True),
    "needs-number-phases": Quirks(number_phases=True),
    "refuses-number-phases": Quirks(number_phases=False),
    "switches-phases": Quirks(phases=Phases.SWITCHES),
    "switches-phases-paused": Quirks(phases=Phases.SWITCHES_PAUSED),
    "only-says-it-switches-phases": Quirks(phases=Phases.ONLY_SAYS),
    "one-period": Quirks(max_periods=1),
    "first-period-only": Quirks(first_period_only=True),
    "few-profiles": Quirks(max_profiles=2),
    "small-profile-ids": Quirks(max_profile_id=10),
    "cannot-clear": Quirks(clear=Clear.ACCEPTED),
    "knows-none-to-clear": Quirks(clear=Clear.UNKNOWN),
    "disobedient": Quirks(obeys=False),
    "stuck": Quirks(stuck_a=9.0),
    "spiking": Quirks(spike_s=3.0),
    "slow": Quirks(apply_s=30.0),
    "begins-unlimited": Quirks(begins_unlimited_s=60.0),
    "zero-ends-session": Quirks(zero=Zero.ENDS_SESSION),
    "zero-ignored": Quirks(zero=Zero.IGNORED),
    "zero-stays": Quirks(zero=Zero.STAYS),
    "ignores-first-after-zero": Quirks(first_after_zero_ignored=True),
    "drops-while-suspended": Quirks(drops_tx_profile_while_suspended=True),
    "forgets-at-boot": Quirks(forgets_at_boot=True),
    "forgets-offline": Quirks(forgets_offline=True),
    "never-answers": Quirks(answers_after_s=NEVER_ANSWERS),
    "answers-late": Quirks(answers_after_s=29.0),
    "no-composite": Quirks(composite=Composite.MISSING),
    "composite-minus-one": Quirks(composite=Composite.MINUS_ONE),
    "composite-empty": Quirks(composite=Composite.EMPTY),
    "composite-rejected": Quirks(composite=Composite.REJECTED),
    "composite-other-unit": Quirks(composite_in_other_unit=True),
    "hangs-up-when-hurried": Quirks(settle_s=5.0),
    "boot-trigger-kills": Quirks(boot_trigger_kills=True),
    "clock-ahead": Quirks(clock_skew_s=3600.0),
    "clock-behind": Quirks(clock_skew_s=-3600.0),
}
"""Named kinds of stations, for scenarios and tests."""
