"""Names of topics."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics below `base`; whatever stands in a name, it is one level and no wildcard."""

    base: str

    @property
    def status(self) -> str:
        """Whether the controller is there."""
        return f"{self.base}/status"

    @property
    def site(self) -> str:
        """The site as a whole."""
        return f"{self.base}/site"

    @property
    def alarms(self) -> str:
        """Alarms that last."""
        return f"{self.base}/alarms"

    @property
    def event(self) -> str:
        """What happens; not retained."""
        return f"{self.base}/event"

    def circuit(self, name: str) -> str:
        """A circuit."""
        return f"{self.base}/circuit/{level(name)}"

    def evse(self, name: str) -> str:
        """An EVSE, as STATION/NUMBER."""
        station, _, number = name.rpartition("/")
        return f"{self.base}/evse/{level(station)}/{number}"

    def command(self, topic: str) -> tuple[str, ...] | None:
        """The path of a command, without base and `set`; None for any other topic."""
        if not topic.startswith(f"{self.base}/") or not topic.endswith("/set"):
            return None
        parts = topic.removeprefix(f"{self.base}/").removesuffix("/set").split("/")
        return tuple(unquote(part) for part in parts)


def level(name: str) -> str:
    """A name as one level of a topic."""
    return quote(name, safe="-._~")
