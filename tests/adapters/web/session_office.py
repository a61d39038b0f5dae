"""An office with a month of sessions: the real database, files in a process of their own, and a meter that signs."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ems.adapters.store.moment import to_ms
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.schema import interval, subject
from ems.adapters.web.app import WebOptions
from ems.adapters.web.route import Router
from ems.assembly.sessions import session_ways
from ems.domain.energy.carbon import Carbon
from ems.domain.energy.price_series import PricePoint, PriceSeries
from ems.domain.record.signed_value import SignedValue
from tests.adapters.store.seeded import Seeded, write
from tests.adapters.web.office import Office

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)

METER = ec.derive_private_key(4711, ec.SECP256R1())
METER_KEY = METER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


def at(day: int, hour: int = 0, minute: int = 0, month: int = 10) -> datetime:
    """A time of the clocks in Berlin, in winter as in summer."""
    summer = (month, day, hour) < (10, 25, 3) and month > 3
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=2 if summer else 1)


HOSTILE = "=cmd|'/c'!A1<b>"
SESSIONS = (
    Seeded("CP-01/1", at(1), hours=1, energy_wh=8_000, tag="04AA", person="anna", cost_centre="4711", groups=("staff",),
           cost_minor=400, idle_s=600),
    Seeded("CP-02/1", at(12, 9), hours=3, energy_wh=12_000, tag="04BB", vehicle="Bus 17", groups=("fleet",),
           cost_minor=600, paid="captured", ended_by="Remote"),
    Seeded("CP-01/1", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), hours=0.5, energy_wh=1_000, inferred=True,
           ended_by="the station forgot"),
    Seeded("CP-01/1", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), hours=0.5, energy_wh=2_000, tag=HOSTILE),
    Seeded("CP-03/1", at(31, 23, 45), hours=5, energy_wh=20_000, tag="04AA", person="anna", cost_minor=1_000,
           idle_s=7_200, quarters=16, ended_by="EVDisconnected"),
    Seeded("CP-02/1", at(2, 8, month=11), hours=None, energy_wh=3_000, quarters=5),
)  # fmt: skip
OCTOBER_WH = 43_000

CARBON = Carbon(
    PriceSeries((PricePoint(int(at(12, 9).timestamp()), int(at(12, 9, 30).timestamp()), 100.0),)),
    otherwise=400.0,
    pv_g_per_kwh=40.0,
    is_followed=True,
)
SUNNY = ((at(12, 9, 15), 6_000, -2_000), (at(12, 9, 30), -3_000, -9_000))
"""Quarter hours in which PV gave something: what flowed through the grid connection and from the roof, W."""


def signed(begin_kwh: float, end_kwh: float, claimed_kwh: float | None = None) -> str:
    """A value as a station sends it: an object with the record in base64, and the key of the meter. `claimed_kwh`:
    somebody wrote another reading into it after it was signed.
    """
    reading = {"RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"}
    payload = json.dumps({"FV": "1.0", "MS": "4711", "PG": "T9", "ID": "04AA", "RD": [
        {"TM": "2026-11-01T00:45:00,000+0100 S", "TX": "B", "RV": begin_kwh, **reading},
        {"TM": "2026-11-01T04:45:00,000+0100 S", "TX": "E", "RV": end_kwh, **reading},
    ]})  # fmt: skip
    signature = METER.sign(payload.encode(), ec.ECDSA(hashes.SHA256())).hex()
    if claimed_kwh is not None:
        payload = payload.replace(str(end_kwh), str(claimed_kwh))
    record = f'OCMF|{payload}|{{"SA":"ECDSA-secp256r1-SHA256","SD":"{signature}"}}'
    told = {"signedMeterData": base64.b64encode(record.encode()).decode(), "encodingMethod": "OCMF"}
    return json.dumps({**told, "publicKey": METER_KEY})


class SessionOffice(Office):
    """It is Monday, 2 November 2026, half past ten in Berlin."""

    def __init__(self, folder: Path, options: WebOptions | None = None) -> None:
        super().__init__(folder, options)
        database = self.store.database
        with database.connect() as connection, database.transaction(connection, durable=False):
            write(connection, SESSIONS)
            connection.execute(
                subject.insert(),
                [{"id": 1, "kind": "circuit", "name": "grid"}, {"id": 2, "kind": "meter", "name": "roof"}],
            )
            connection.execute(interval.insert(), [
                {"starts": to_ms(starts), "subject": number, "covered_s": 900, "mean_w": watts}
                for starts, *flows in SUNNY for number, watts in enumerate(flows, start=1)
            ])  # fmt: skip
        for number, value in enumerate((signed(1.0, 21.0), signed(1.0, 21.0, claimed_kwh=91.0))):
            kept = SignedValue(f"d{number}", "CP-03/1", 5, at(1, 4, 45, 11), "Transaction.End", value)
            self.store.signed.kept(kept)
        self.store._writer.flush().result(10)

    def open(self) -> None:
        self.scene.instant = replace(self.scene.instant, utc=NOW)
        super().open()

    def ways(self, _recovered: Recovered) -> tuple[Router, ...]:
        path = self.store.database.path
        assert path is not None
        return session_ways(self.store, path, self.scene, self.scene, self.operations, carbon=lambda: CARBON)
