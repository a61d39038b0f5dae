"""How the energy of a session is made up of its transactions."""

from __future__ import annotations

from ems.domain.session import Session


class Energies:
    """Wh of each transaction that belongs to the present session of an EVSE, in the order in which they began.

    What stations tell is on disk before the state knows it, so that transactions which follow may already stand here.
    """

    def __init__(self) -> None:
        self._of_evse: dict[str, dict[int, float]] = {}

    def resume(self, evse: str, energies: dict[int, float]) -> None:
        """A session goes on that began in another run."""
        self._of_evse[evse] = energies

    def grow(self, evse: str, transaction: int, energy_wh: float) -> None:
        """A transaction has begun, or has got so much."""
        self._of_evse.setdefault(evse, {})[transaction] = energy_wh

    def at_the_end(self, evse: str, transaction: int, energy_wh: float | None) -> float | None:
        """What a transaction ends with: what its station says, else what it was last seen to have got."""
        energies = self._of_evse.get(evse, {})
        if energy_wh is None:
            return energies.get(transaction)
        if transaction in energies:
            energies[transaction] = energy_wh
        return energy_wh

    def of(self, known: Session, running: bool) -> dict[int, float]:
        """Of the transactions of a session; the last one, if it is `running` or nothing runs, as the session has it."""
        energies = self._split(known)[0]
        if running and known.transaction is not None:
            energies[known.transaction.id] = known.energy_wh
        elif known.transaction is None and energies:
            energies[next(reversed(energies))] = known.energy_wh
        return energies

    def end(self, known: Session) -> None:
        """A session is over; what began at its EVSE after it belongs to the next."""
        self._of_evse[known.evse] = self._split(known)[1]

    def _split(self, known: Session) -> tuple[dict[int, float], dict[int, float]]:
        """Up to the transaction that the session counts, and after it."""
        energies = self._of_evse.get(known.evse, {})
        if known.counted not in energies:
            return dict(energies), {}
        names = list(energies)
        here = names.index(known.counted) + 1
        return {name: energies[name] for name in names[:here]}, {name: energies[name] for name in names[here:]}
