"""The command line. Exit status 0: fine; 1: a finding; 2: wrong use.

Each command imports what it needs when it runs, so that `ems check` does not wait for the plotting library.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ems.assembly import Daemon
    from ems.settings.build import SiteSettings

FINE, FINDING, WRONG_USE = 0, 1, 2

log = logging.getLogger(__name__)


class UsageError(Exception):
    """The command cannot be carried out as it was given; the message says what helps."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _log_to_stderr(options.verbose)
    try:
        status: int = options.run(options)
    except UsageError as wrong:
        print(f"ems {options.command}: {wrong}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return FINDING
    except BrokenPipeError:
        sys.stderr.close()
        return FINE
    return status


def demo(options: argparse.Namespace) -> int:
    """The demo site with simulated stations, vehicles and meters over real sockets on loopback."""
    from ems.sim.demo import run_demo  # noqa: PLC0415

    settings = _settings(options.site, _state_dir(options.site))
    return _serve(settings, options.site, lambda daemon, stop: run_demo(daemon, stop, options.speed))


def run(options: argparse.Namespace) -> int:
    """The daemon."""
    settings = _settings(options.site, _state_dir(options.site))
    return _serve(settings, options.site, lambda daemon, stop: daemon.run(stop))


def check(options: argparse.Namespace) -> int:
    """Every problem of a site, then its circuit tree."""
    from ems.settings.report import check as checked  # noqa: PLC0415
    from ems.settings.report import render_json, render_text  # noqa: PLC0415

    result = checked(_site(options.site), _state_dir(options.site))
    print(render_json(result) if options.json else render_text(result))
    return FINE if result.is_fine else FINDING


def explain(options: argparse.Namespace) -> int:
    """Who may limit an EVSE, and what does now; asks the running daemon."""
    picture = _ask_daemon(options)
    evse = next((e for e in picture["evses"] if e["id"] == options.evse), None)
    if evse is None:
        known = ", ".join(e["id"] for e in picture["evses"][:8])
        raise UsageError(f"the site has no EVSE {options.evse}; it has {known}")
    chain = _chain(picture["circuits"], evse["circuit"])
    if options.json:
        print(json.dumps({"evse": evse, "circuits": chain}, indent=2))
        return FINE
    print(f"{evse['id']}: {evse['status']}, set to {evse['setpoint_a']:g} A, {evse['reason']['text']}")
    if evse["reason"].get("until"):
        print(f"  until {evse['reason']['until']}")
    for circuit in chain:
        print(f"  {circuit['id']}: {circuit['limit_source']}")
        for phase, rating in circuit["rating_a"].items():
            if rating:
                limit, left = circuit["limit_a"][phase], circuit["headroom_a"][phase]
                print(f"    {phase}: rated {rating:g} A, limit {limit:g} A, {left:.1f} A for vehicles")
    return FINE


def simulate(options: argparse.Namespace) -> int:
    """Virtual time, core only."""
    from ems.sim.faults import FaultPlan  # noqa: PLC0415
    from ems.sim.pictures import draw  # noqa: PLC0415
    from ems.sim.sessions import read_sessions  # noqa: PLC0415
    from ems.sim.simulate import STRATEGIES, made_up_task, recorded_task, simulate_all  # noqa: PLC0415
    from ems.sim.simulation_result import as_table, write_result  # noqa: PLC0415

    site = _settings(options.site, None).site
    chosen = list(STRATEGIES) if options.strategy == "all" else [options.strategy]
    unknown = [name for name in chosen if name not in STRATEGIES]
    if unknown:
        raise UsageError(f"unknown strategy {unknown[0]!r}: choose all, {', '.join(STRATEGIES)}")
    try:
        faults = FaultPlan.parse(_read_yaml(options.faults).get("faults"), site) if options.faults else None
        if options.sessions:
            records = read_sessions(options.sessions)
            since = _day(options.since, site.zone) if options.since else None
            task = recorded_task(
                site, records, days=options.days, since=since, seed=options.seed, map_unknown=options.map_unknown,
                faults=faults,
            )  # fmt: skip
        else:
            task = made_up_task(site, days=options.days or 7, seed=options.seed, faults=faults)
    except (OSError, ValueError) as wrong:
        raise UsageError(str(wrong)) from None
    results = simulate_all(task, chosen)
    print(json.dumps([asdict(r) for r in results], default=str) if options.json else as_table(results))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        write_result(options.out / "result.json", results)
        for result in results:
            draw(site, result, options.out / result.strategy if len(results) > 1 else options.out)
    return FINDING if any(r.overload_own_a > 0.05 for r in results if r.strategy != STRATEGIES[0]) else FINE


def replay(options: argparse.Namespace) -> int:
    """Re-run recorded ticks, print the first difference."""
    from ems.adapters.store.replay import replay as rerun  # noqa: PLC0415
    from ems.adapters.store.segment import JournalError  # noqa: PLC0415

    try:
        found = rerun(options.journal)
    except (JournalError, OSError) as wrong:
        raise UsageError(str(wrong)) from None
    for damage in found.damage:
        print(damage, file=sys.stderr)
    print(f"{found.ticks} ticks replayed, {found.missing} were never recorded")
    if found.difference is None:
        print("every setpoint is the same")
        return FINE
    print(found.difference)
    return FINDING


def probe_modbus(options: argparse.Namespace) -> int:
    """Find meter model, framing and unit; or show every value of one meter, raw and decoded."""
    from ems.adapters.modbus.address import Framing, TcpBus  # noqa: PLC0415
    from ems.adapters.modbus.error import LinkError  # noqa: PLC0415
    from ems.adapters.modbus.probe import buses_at, likely_units, render_search, render_table, search, table  # noqa: PLC0415
    from ems.adapters.modbus.register_map import RegisterMap  # noqa: PLC0415
    from ems.settings.places import Catalogue, catalogue_files  # noqa: PLC0415

    files = catalogue_files(Catalogue.METERS, Path())
    names = [options.model] if options.model else sorted(files)
    if options.model and options.model not in files:
        raise UsageError(f"unknown meter model {options.model!r}: choose one of {', '.join(sorted(files))}")
    models = [RegisterMap.from_data(name, _read_yaml(files[name])) for name in names]
    buses = buses_at(options.place, options.port)
    if options.framer:
        buses = tuple(b for b in buses if not isinstance(b, TcpBus) or b.framing is Framing(options.framer))
    try:
        if options.model and options.unit is not None:
            print(render_table(asyncio.run(table(buses[0], options.unit, models[0]))))
            return FINE
        units = likely_units(models) if options.unit is None else (options.unit,)
        found = asyncio.run(search(buses, units, models, tell=lambda text: print(text, file=sys.stderr)))
    except LinkError as failed:
        print(f"{buses[0]}: {failed}", file=sys.stderr)
        return FINDING
    print(render_search(found))
    return FINE if found.found else FINDING


def probe_ocpp(options: argparse.Namespace) -> int:
    """Stations that tried to connect and were refused; asks the running daemon."""
    knocks = _ask_daemon(options)["knocks"]
    if options.json:
        print(json.dumps(knocks, indent=2))
        return FINE
    for knock in knocks:
        print(f"{knock['station']:<24} {knock['address']:<16} {knock['count']:>5}x  {knock['at']}  {knock['reason']}")
    if not knocks:
        print("nobody has been refused")
    return FINE


def export(options: argparse.Namespace) -> int:
    """Data for others."""
    from ems.adapters.store.database import Database  # noqa: PLC0415
    from ems.adapters.store.export import export as exported  # noqa: PLC0415
    from ems.adapters.store.reading import NotReadableError, Reader  # noqa: PLC0415
    from ems.assembly import database_of  # noqa: PLC0415

    settings = _settings(options.site, None)
    zone = settings.site.zone
    since = _day(options.since, zone) if options.since else datetime(1970, 1, 1, tzinfo=UTC)
    until = _day(options.until, zone) if options.until else datetime.now(UTC)  # noqa: TID251 - of the person asking
    try:
        for line in exported(
            Reader(Database(database_of(_state_dir(options.site)))), options.what, since, until, options.format
        ):
            sys.stdout.write(line)
    except (ValueError, NotReadableError) as wrong:
        raise UsageError(str(wrong)) from None
    return FINE


def password(options: argparse.Namespace) -> int:
    """A new password for a station: printed once, kept as a hash."""
    from ems.settings.password import new_password  # noqa: PLC0415

    secret, line = new_password()
    options.file.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(line + "\n")
    print(f"type this into the station:  {secret}")
    print(f"and this into site.yaml:     password_file: {options.file}")
    return FINE


def _serve(settings: SiteSettings, site: str, work: Callable[[Daemon, asyncio.Event], Awaitable[None]]) -> int:
    from ems.assembly import AssemblyError, Daemon, tuned_loop  # noqa: PLC0415

    async def serve() -> None:
        daemon = Daemon.of(settings, _state_dir(site))
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, daemon.reload)
        await work(daemon, stop)

    try:
        with asyncio.Runner(loop_factory=tuned_loop()) as runner:
            runner.run(serve())
    except AssemblyError as wrong:
        raise UsageError(str(wrong)) from None
    return FINE


def _settings(site: str, state_dir: Path | None) -> SiteSettings:
    """The settings of a site, with findings on stderr and the ports of the environment. Raises UsageError."""
    from ems.settings.load import load  # noqa: PLC0415
    from ems.settings.revision import load_or_last_good  # noqa: PLC0415

    name = _site(site)
    loaded = load(name) if state_dir is None else load_or_last_good(name, state_dir)
    for finding in loaded.findings:
        print(finding, file=sys.stderr)
    settings = loaded.settings
    if settings is None:
        raise UsageError(f"site {name} has errors; `ems check {name}` shows them with their remedies")
    return replace(
        settings,
        ocpp=replace(settings.ocpp, port=_port("EMS_OCPP_PORT", settings.ocpp.port)),
        web=replace(settings.web, port=_port("EMS_HTTP_PORT", settings.web.port)),
    )


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    if not text:
        return default
    if not text.isdigit() or not 0 <= int(text) <= 65535:
        raise UsageError(f"{variable} is {text!r}: write a port number")
    return int(text)


def _site(site: str | None) -> str:
    name = site or os.environ.get("EMS_SITE")
    if not name:
        raise UsageError("say which site: a folder that holds site.yaml, or set EMS_SITE")
    return name


def _state_dir(site: str | None) -> Path:
    from ems.settings.places import site_file, state_dir  # noqa: PLC0415

    try:
        return state_dir(site_file(_site(site)))
    except OSError as missing:
        raise UsageError(str(missing)) from None


def _ask_daemon(options: argparse.Namespace) -> dict[str, Any]:
    """The picture of the running daemon."""
    from urllib.error import URLError  # noqa: PLC0415
    from urllib.request import urlopen  # noqa: PLC0415

    web = _settings(options.site, None).web
    host = "127.0.0.1" if web.host in {"0.0.0.0", "::"} else web.host  # noqa: S104 - comparing, not binding
    address = f"http://{host}:{web.port}/api/v1/state"
    try:
        with urlopen(address, timeout=5) as answer:
            picture: dict[str, Any] = json.load(answer)
    except (URLError, TimeoutError, ValueError) as failed:
        raise UsageError(f"no daemon answers at {address} ({failed}); start it with `ems run`") from None
    return picture


def _chain(circuits: list[dict[str, Any]], first: str) -> list[dict[str, Any]]:
    by_id = {circuit["id"]: circuit for circuit in circuits}
    chain, name = [], first
    while name:
        chain.append(by_id[name])
        name = by_id[name]["parent"]
    return chain


def _read_yaml(path: Path) -> dict[str, Any]:
    from ems.settings.document import read_data  # noqa: PLC0415

    data, findings = read_data(path)
    if data is None:
        raise UsageError("\n".join(map(str, findings)))
    return data


def _day(text: str, zone: Any) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise UsageError(f"{text!r} is not a date: write for example 2026-03-01") from None


def _log_to_stderr(verbose: bool) -> None:
    stamp = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format=f"{stamp}%(levelname)s %(message)s", stream=sys.stderr
    )
    for noisy in ("websockets", "ems.websockets", "apscheduler", "uvicorn.error", "alembic", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ems", description="Site energy controller")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, function: Callable[[argparse.Namespace], int], parent: Any = None
    ) -> argparse.ArgumentParser:
        text = function.__doc__ or ""
        added: argparse.ArgumentParser = (parent or commands).add_parser(
            name, help=text.rstrip(".\n"), description=text
        )
        added.set_defaults(run=function)
        return added

    site_help = "a folder that holds site.yaml, or the name of a shipped site (default: $EMS_SITE)"
    one = command("demo", demo)
    one.add_argument("site", nargs="?", default="demo", help="the site to simulate (default: demo)")
    one.add_argument("--speed", type=float, default=1.0, help="how fast vehicles and loads of the scenario follow")
    command("run", run).add_argument("site", nargs="?", help=site_help)
    one = command("check", check)
    one.add_argument("site", nargs="?", help=site_help)
    one.add_argument("--json", action="store_true")
    one = command("explain", explain)
    one.add_argument("site", help=site_help)
    one.add_argument("evse", help="for example CP-01/1")
    one.add_argument("--json", action="store_true")
    _add_simulate(command("simulate", simulate), site_help)
    command("replay", replay).add_argument("journal", type=Path, help="a journal folder or file")
    probe = commands.add_parser("probe", help="Find meters and stations", description="Find meters and stations")
    kinds = probe.add_subparsers(dest="kind", required=True, metavar="KIND")
    one = command("modbus", probe_modbus, kinds)
    one.add_argument("place", help="host name, address, or serial device")
    one.add_argument("--port", type=int, default=502)
    one.add_argument("--unit", type=int)
    one.add_argument("--model", help="with --unit: show every value of this model, raw and decoded")
    one.add_argument("--framer", choices=["tcp", "rtu"])
    one = command("ocpp", probe_ocpp, kinds)
    one.add_argument("site", nargs="?", help=site_help)
    one.add_argument("--json", action="store_true")
    one = command("export", export)
    one.add_argument("what", choices=["sessions", "energy", "transactions", "alarms"])
    one.add_argument("site", nargs="?", help=site_help)
    one.add_argument("--from", dest="since", help="first day, in the site's time")
    one.add_argument("--to", dest="until", help="the day after the last")
    one.add_argument("--format", choices=["csv", "json"], default="csv")
    command("password", password).add_argument("file", type=Path, help="the file to write, for example secrets/cp-01")
    return parser


def _add_simulate(one: argparse.ArgumentParser, site_help: str) -> None:
    one.add_argument("site", nargs="?", help=site_help)
    one.add_argument("--days", type=int)
    one.add_argument(
        "--sessions", type=Path, help="recorded sessions: CSV or JSON, also .gz; without, they are made up"
    )
    one.add_argument("--from", dest="since", help="first day to replay, in the site's time")
    one.add_argument(
        "--map-unknown", action="store_true", help="put sessions of unknown stations onto this site's EVSEs"
    )
    one.add_argument("--strategy", default="equal", help="all, or one of uncontrolled, equal, first-come, …")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--faults", type=Path, help="a YAML file of faults")
    one.add_argument("--out", type=Path, help="folder for result.json and pictures")
    one.add_argument("--json", action="store_true")
