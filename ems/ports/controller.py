"""The interfaces through which the core meets the world.

Adapters implement them; `runtime` and `sim` use them; nothing else knows both sides. Adapters speak to the core by
putting events into a `Sink`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from ems.control.memory import Memory
from ems.domain.access.admission import Admission, Asked, Usage
from ems.domain.access.book import Doors
from ems.domain.access.card import Card
from ems.domain.access.local_list import ListState
from ems.domain.access.tag import Tag
from ems.domain.access.tag_list import TagList
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.daybook import Change, Daybook
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.instant import Instant
from ems.domain.order import LimitOrder
from ems.domain.pull_out import PullOutList
from ems.domain.record.history import Audit, HistoryPoint, Knock, PlantPoint
from ems.domain.remote.outcome import Outcome
from ems.domain.session import Need, Transaction
from ems.domain.state import SiteState

Made = TypeVar("Made", bound=Change)
Sink = Callable[[Event], None]
"""Takes an event at once and never blocks; bounded, so that the newest reading wins over an older one."""


class Clock(Protocol):
    """The two clocks of the machine."""

    def now(self) -> Instant:
        """Read both."""
        ...


class StationLink(Protocol):
    """The way to all stations. No method waits: orders are queued per station, the newest of an EVSE and layer wins,
    reductions overtake, and what became of them comes back as `ProfileSent` and `ProfileAnswered`.
    """

    def limit(self, order: LimitOrder) -> None:
        """Set a limit."""
        ...

    def read_back(self, evse: str) -> None:
        """Ask the station what is in force; the answer comes as `CompositeRead`."""
        ...

    def stop(self, evse: str) -> None:
        """End the transaction of an EVSE that no limit reaches; if that fails, take the EVSE out of service."""
        ...


class Authority(Protocol):
    """Who may charge. Every answer is from memory, at once: no driver waits for a disk. Whoever answers a station first
    lets `consult` find out what others say of its tag.
    """

    def authorise(self, station: str, tag: str) -> Admission:
        """Somebody presents a tag at a station, to begin or to end a session."""
        ...

    def consult(self, station: str, tag: str) -> Awaitable[None] | None:
        """Ask elsewhere about a tag that is to be answered next, for some seconds at most; None when nobody else could
        know it. Never raises.
        """
        ...

    def started(self, evse: str, transaction: Transaction) -> Admission:
        """A transaction has begun. One that is refused goes on until it is ended, by its station or by us."""
        ...


class BatteryLink(Protocol):
    """The way to the batteries that may be told what to do. What became of it comes back as `BatteryAnswered`."""

    def set_power(self, battery: str, watts: float | None) -> None:
        """What a battery is to take (positive) or give, W; None leaves it to its own program. Does not wait; is said
        again every second, and what nobody says any more is let go of.
        """
        ...


class AccessDesk(Protocol):
    """Who may charge, for those who look after it. What people change there goes through `Operations`."""

    @property
    def doors(self) -> Doors:
        """What the site says of its EVSEs."""
        ...

    @property
    def cards(self) -> Sequence[Card]:
        """Tags that nobody knows and somebody presented lately, the newest first."""
        ...

    def forget(self, tag: str) -> bool:
        """Forget such a tag; False when it is not remembered."""
        ...

    def check(self, asked: Asked) -> Admission:
        """Whether a tag may charge, without anybody presenting it."""
        ...

    def spent(self, tag: Tag) -> Usage:
        """What was taken of a tag's budget in this period."""
        ...

    def lists(self) -> Mapping[str, ListState]:
        """How far the local list of each station is in step."""
        ...

    def told(self) -> Mapping[int, Outcome]:
        """What stations answered to reservations that they were told of."""
        ...

    def endings(self) -> Sequence[tuple[str, str]]:
        """(EVSE, why) of each session that may not go on."""
        ...

    async def read_tags(self, text: str) -> TagList:
        """Read a list of tags; nothing changes."""
        ...

    async def write_tags(self) -> str:
        """All tags as a list, CSV."""
        ...


class Live(Protocol):
    """What is happening, for those who only look."""

    @property
    def state(self) -> SiteState:
        """The state after the last tick."""
        ...

    @property
    def decision(self) -> Decision | None:
        """The last decision; None before the first tick."""
        ...

    @property
    def version(self) -> int:
        """Grows with every tick."""
        ...

    async def changed(self, version: int) -> int:
        """Wait until the version differs from `version` and return it."""
        ...

    def history(self, since: datetime) -> Sequence[HistoryPoint]:
        """What every circuit carried since then, oldest first."""
        ...

    def plant(self, since: datetime) -> Sequence[PlantPoint]:
        """What PV gave and the battery took since then, oldest first."""
        ...

    def knocks(self) -> Sequence[Knock]:
        """Stations that tried to connect and were refused, newest first."""
        ...


class Operations(Protocol):
    """What people may change while the site runs. Everything is stored with who did it before it counts.

    Changes raise UnknownError or ValueError, with words for people, when they cannot be made, and NotStoredError when
    they could not be stored, and were not made.
    """

    @property
    def daybook(self) -> Daybook:
        """As it is now."""
        ...

    async def change(self, change: Change, who: str) -> None:
        """Make one change; nothing happens when all is so already."""
        ...

    async def change_from(self, said: Callable[[Daybook], Made], who: str) -> Made:
        """Make, and return, the change that `said` makes of the daybook; no other change comes in between."""
        ...

    async def tell_need(self, evse: str, said: Callable[[Need], Need], who: str) -> Need:
        """Say what the vehicle at an EVSE needs: `said` makes it of what counts, with all that was told before.

        An empty need leaves it to its timetable again. Returns what counts now.
        """
        ...

    async def read_list(self, text: str) -> PullOutList:
        """Read a pull-out list; nothing changes."""
        ...

    async def audits(self, before: int | None, most: int) -> Sequence[Audit]:
        """The newest of what people did, newest first; of those with a number below `before`, if that is given.

        Raises NotStoredError when the database cannot be read.
        """
        ...


class TabBook(Protocol):
    """Where the tabs of sessions are kept; never waits."""

    def kept(self, known: Tab) -> None:
        """A tab is new or has grown."""
        ...

    def closed(self, known: Tab, made: Receipt | None) -> None:
        """A session is over; its receipt stays for good. None: it was free."""
        ...


class Receipts(Protocol):
    """What sessions cost, for those who ask. Raises NotStoredError when the database cannot be read."""

    def tab(self, evse: str) -> Tab | None:
        """The tab of the session at an EVSE; None when there is none."""
        ...

    async def receipt(self, session: str) -> Receipt | None:
        """The receipt of a session that is over; None when there is none."""
        ...

    async def receipts(self, since: datetime, until: datetime, most: int) -> Sequence[Receipt]:
        """The newest receipts of sessions that began from `since` until before `until`, newest first."""
        ...


class Service(Protocol):
    """Something that runs beside the loop for as long as the daemon does; ends when it is cancelled."""

    @property
    def name(self) -> str:
        """What the log calls it."""
        ...

    async def run(self) -> None:
        """Work until cancelled; an exception restarts it."""
        ...


class Journal(Protocol):
    """The append-only record of what happened and what was decided; never blocks."""

    def begin(self, state: SiteState, memory: Memory) -> None:
        """What the next tick starts from; before the first one, and whenever the site was reloaded."""
        ...

    def append(
        self, at: Instant, events: Sequence[Event], decision: Decision, state: SiteState, memory: Memory
    ) -> None:
        """Take one tick, with `state` and `memory` as they are after it."""
        ...


class NotStoredError(Exception):
    """A record was refused and will not be on disk."""


class Ledger(Protocol):
    """What must survive a crash: transactions and the ids they get."""

    def open_transactions(self) -> Iterable[tuple[str, Transaction]]:
        """(EVSE, transaction) of everything that has started and not ended."""
        ...

    def has_ended(self, transaction: int) -> bool:
        """Whether a transaction is known to be over."""
        ...

    def inferred_end(self, transaction: int) -> tuple[str, Transaction] | None:
        """(EVSE, transaction) of one whose end nobody told, so that a late word is welcome; None for any other."""
        ...

    def next_transaction_id(self) -> int:
        """An id that was never given before; site-wide, growing, positive int32."""
        ...

    def transaction_id(self, evse: str, announced: datetime | None, meter_start_wh: float, id_tag: str | None) -> int:
        """The id of a start as a station announces it: the same for a repeated announcement, else the next."""
        ...

    async def transaction_started(self, evse: str, transaction: Transaction) -> None:
        """Returns when the start is on disk; TimeoutError when that takes too long, NotStoredError when refused."""
        ...

    def transaction_adopted(self, evse: str, transaction: Transaction) -> None:
        """A transaction that a station told us of is now ours; queued."""
        ...

    async def transaction_ended(
        self, evse: str, transaction: int, ended: datetime, energy_wh: float | None, reason: str, inferred: bool
    ) -> None:
        """Returns when the end is on disk, raises as `transaction_started`; `energy_wh` None when not said."""
        ...
