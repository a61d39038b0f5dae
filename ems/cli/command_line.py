"""What can be typed, and what carries it out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ems import __version__
from ems.cli.alarm_line import add_alarms
from ems.cli.log import log_to_stderr
from ems.cli.money_line import add_money
from ems.cli.ocpi_line import add_ocpi
from ems.cli.outcome import FINDING, FINE, WRONG_USE, UsageError
from ems.cli.station_line import add_station
from ems.cli.tag_line import add_tag
from ems.cli.user_line import add_user

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SITE = "a folder that holds site.yaml, or the name of a shipped site (default: $EMS_SITE)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parser().parse_args(arguments)
    log_to_stderr(options.verbose)
    file, _, name = options.carried_out_by.partition(".")
    command: Callable[[argparse.Namespace], int] = getattr(import_module(f"ems.cli.{file}"), name)
    try:
        status = command(options)
        sys.stdout.flush()
    except UsageError as wrong:
        print(f"ems {options.command}: {wrong}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return FINDING
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` does; nothing more goes there, not even at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ems", description="Site energy controller")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    parser.add_argument("--version", action="version", version=f"ems {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_daemon(commands)
    _add_site(commands)
    _add_simulate(commands)
    _add_backtest(commands)
    _add_size(commands)
    _add_records(commands)
    _add_report(commands)
    _add_import(commands)
    _add_backup(commands)
    _add_price(commands)
    _add_qr(commands)
    _add_probe(commands)
    text = "Remote control of stations through the running daemon"
    add_station(commands.add_parser("station", help=text, description=f"{text}."))
    text = "What is wrong: alarms of the running daemon"
    add_alarms(commands.add_parser("alarms", help=text, description=f"{text}."))
    text = "Who may charge: tags of the running daemon"
    add_tag(commands.add_parser("tag", help=text, description=f"{text}."))
    text = "Roaming partners of the running daemon"
    add_ocpi(commands.add_parser("ocpi", help=text, description=f"{text}."))
    add_money(commands)
    text = "Who may log in, and tokens for programs"
    add_user(commands.add_parser("user", help=text, description=f"{text}."))
    return parser


def _command(commands: Commands, name: str, carried_out_by: str, text: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text}.")
    added.set_defaults(carried_out_by=carried_out_by)
    return added


def _add_daemon(commands: Commands) -> None:
    text = "A site with simulated stations, vehicles and meters over real sockets on loopback"
    one = _command(commands, "demo", "daemon.demo", text)
    one.add_argument("site", nargs="?", default="demo", help="the site to simulate (default: demo)")
    one.add_argument("--faults", type=Path, help="a YAML file of faults: what goes wrong, and when")
    one = _command(commands, "run", "daemon.run", "The daemon")
    one.add_argument("site", nargs="?", help=SITE)
    one = _command(commands, "explain", "picture.explain", "Who may limit an EVSE, and what does now")
    one.add_argument("site", nargs="?", help=SITE)
    one.add_argument("evse", help="for example CP-01/1")
    _add_json(one)
    one = _command(commands, "status", "status.show", "How every part of the running daemon is doing")
    one.add_argument("site", nargs="?", help=SITE)
    _add_json(one)
    text = "Commissioning test of an outlet: set, read back, measured; with --offline also its fallback"
    one = _command(commands, "qualify", "qualify.qualify", text)
    one.add_argument("site", nargs="?", help=SITE)
    one.add_argument("station", help="for example CP-01")
    one.add_argument("--evse", type=int, default=1, help="the outlet (default: %(default)s)")
    one.add_argument("--offline", action="store_true", help="end the link and wait until the leases are over")
    _add_json(one)


def _add_site(commands: Commands) -> None:
    text = "An empty site to start from, which observes until somebody arms it"
    one = _command(commands, "init", "site.init", text)
    one.add_argument("folder", type=Path, help="the folder to make, for example depot-north")
    one.add_argument("--name", help="what people call the site (default: the folder's name)")
    one.add_argument(
        "--rating", type=float, default=16.0, metavar="A", help="the fuse of the grid connection, per phase"
    )
    one.add_argument("--timezone", help="for example Europe/Berlin (default: this machine's)")
    one = _command(commands, "check", "site.check", "Every problem of a site, then its circuit tree")
    one.add_argument("site", nargs="?", help=SITE)
    _add_json(one)
    text = "A new password for a station: printed once, kept as a hash"
    one = _command(commands, "password", "site.password", text)
    one.add_argument("file", type=Path, help="the file to write, for example secrets/cp-01")


def _add_simulate(commands: Commands) -> None:
    one = _command(commands, "simulate", "simulation.simulate", "A site in virtual time, without sockets")
    one.add_argument("site", nargs="?", help=SITE)
    one.add_argument("--days", type=_days)
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
    written = one.add_mutually_exclusive_group()
    written.add_argument(
        "--out", type=Path, default=Path("out"), help="folder for result.json and pictures (default: %(default)s)"
    )
    written.add_argument("--no-out", dest="out", action="store_const", const=None, help="write no files")
    _add_json(one)


def _add_backtest(commands: Commands) -> None:
    text = (
        "Strategies of a site beside the clairvoyant optimum; with the word forecast, its forecasts beside naive ones"
    )
    one = _command(commands, "backtest", "backtest.backtest", text)
    one.add_argument("words", nargs="*", metavar="[forecast] SITE", help=SITE)
    _add_recorded(one)
    one.add_argument("--strategy", default="all", help="all, or some of uncontrolled, equal, cheapest, …, with commas")
    text = "where departures and needs come from (default: %(default)s)"
    one.add_argument("--departures", default="perfect,predicted,stated", help=text)
    _add_json(one)


def _add_size(commands: Commands) -> None:
    text = "Service and cost against the size of the grid connection and the number of EVSEs"
    one = _command(commands, "size", "sizing.size", text)
    one.add_argument("site", nargs="?", help=SITE)
    _add_recorded(one)
    one.add_argument("--add", default="0", help="so many EVSEs more, also several numbers with commas")
    one.add_argument("--limit", help="ampere per phase of the grid connection: 100:400:50, or 100,160,250")
    text = "the strategy that serves in virtual time (default: the least cost that anybody could reach, in seconds)"
    one.add_argument("--strategy", help=text)
    kinds = ("perfect", "predicted", "stated")
    one.add_argument("--departures", default="stated", choices=kinds, help="default: %(default)s")
    _add_json(one)


def _add_recorded(one: argparse.ArgumentParser) -> None:
    one.add_argument("--sessions", type=Path, help="recorded sessions: CSV or JSON, also .gz")
    one.add_argument("--building", type=Path, help="recorded load of the building: CSV with a unit in its header")
    one.add_argument("--pv", type=Path, help="recorded production of the plant: CSV with a unit in its header")
    one.add_argument("--prices", type=Path, help="recorded prices: CSV with times and prices")
    one.add_argument("--tariff", type=Path, help="a tariff file (default: that of the site)")
    one.add_argument(
        "--since", "--from", dest="since", help="first day, in the site's time (default: the first session's)"
    )
    one.add_argument("--days", type=_days)
    text = "put sessions of unknown stations onto this site's EVSEs"
    one.add_argument("--map-unknown", action="store_true", help=text)
    text = "what a kWh counts that is missing (default: %(default)s)"
    one.add_argument("--missing", dest="missing_per_kwh", type=float, default=0.5, help=text)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--out", type=Path, help="folder for results and pictures")


def _add_records(commands: Commands) -> None:
    one = _command(commands, "replay", "records.replay", "Re-run recorded ticks and print the first difference")
    one.add_argument("journal", type=Path, help="a journal folder or file")
    one = _command(commands, "export", "records.export", "Data for others")
    one.add_argument("what", choices=["sessions", "energy", "transactions", "alarms"])
    one.add_argument("site", nargs="?", help=SITE)
    one.add_argument("--from", dest="since", help="first day, in the site's time")
    one.add_argument("--to", dest="until", help="the day after the last")
    one.add_argument("--format", choices=["csv", "json", "parquet"], default="csv", help="(default: %(default)s)")
    text = "a CSV that a spreadsheet in this language opens right: its decimal sign, times of the site"
    one.add_argument("--spreadsheet", metavar="LANGUAGE", help=text)
    one.add_argument("--columns", metavar="A,B,…", help="only these columns, in this order")
    text = "of energy, by the clock of the site (default: %(default)s)"
    one.add_argument("--step", choices=["quarter", "hour", "day", "month"], default="quarter", help=text)


def _add_report(commands: Commands) -> None:
    text = "What a month, or any days, added up to: key figures here, all of it in a file"
    one = _command(commands, "report", "report.report", text)
    one.add_argument("site", nargs="?", help=SITE)
    one.add_argument("--month", help="for example 2026-10 (default: the last whole one)")
    one.add_argument("--first", metavar="DAY", help="the first day, in place of a month")
    one.add_argument("--last", metavar="DAY", help="the last day, which counts too (default: the first)")
    one.add_argument("--out", type=Path, metavar="FILE", help="a file that ends in .pdf, .json, or .csv with a --sheet")
    one.add_argument("--sheet", help="one part of it, for example cost-centres")
    _add_json(one)


def _add_backup(commands: Commands) -> None:
    text = "One archive of a site's database and folder, into its state folder; beside the daemon too"
    one = _command(commands, "backup", "backup.backup", text)
    one.add_argument("site", nargs="?", help=SITE)
    one.add_argument("--secrets", action="store_true", help="with the folder secrets: keep such an archive safe")
    text = "Put a site back as a backup has it, while its daemon is stopped; what was there before is kept"
    one = _command(commands, "restore", "backup.restore", text)
    one.add_argument("site", help=SITE)
    one.add_argument("archive", type=Path, help="the archive that a backup is")
    one.add_argument("--check", action="store_true", help="look whether it is sound, and change nothing")


def _add_import(commands: Commands) -> None:
    text = "Hand lists to the running daemon"
    kinds = commands.add_parser("import", help=text, description=f"{text}.").add_subparsers(
        dest="kind", required=True, metavar="KIND"
    )
    text = "A depot's pull-out list (CSV): what it would change, and with --apply change it"
    one = _command(kinds, "departures", "pull_out.departures", text)
    one.add_argument("site", nargs="?", help=SITE)
    one.add_argument("file", type=Path, help="vehicle and departure; date, target_soc, kwh, evse, priority if there")
    one.add_argument("--apply", action="store_true", help="take all of it; if a row is refused, nothing")
    _add_json(one)


def _add_qr(commands: Commands) -> None:
    text = "The address behind the code of every EVSE, and the codes as pictures to print"
    one = _command(commands, "qr", "qr.qr", text)
    one.add_argument("site", nargs="?", help=SITE)
    one.add_argument("--out", type=Path, metavar="FOLDER", help="write one SVG for each EVSE there")
    _add_json(one)


def _add_price(commands: Commands) -> None:
    text = "What drivers pay"
    kinds = commands.add_parser("price", help=text, description=f"{text}.").add_subparsers(
        dest="kind", required=True, metavar="KIND"
    )
    one = _command(kinds, "list", "price.every", "All price lists")
    one.add_argument("site", nargs="?", help=SITE)
    _add_json(one)
    one = _command(kinds, "set", "price.keep", "Add a price list, or write it anew, for who plugs in from now on")
    one.add_argument("site", help=SITE)
    one.add_argument("name", help="for example public")
    one.add_argument("file", type=Path, help="YAML with fees, vat_percent, valid_from, evses, groups, … as in /docs")
    _add_json(one)
    one = _command(kinds, "remove", "price.remove", "Remove a price list, for who plugs in from now on")
    one.add_argument("site", help=SITE)
    one.add_argument("name")
    one = _command(kinds, "preview", "price.preview", "The receipt of a session, line by line; nothing is kept")
    one.add_argument("site", help=SITE)
    one.add_argument("name", nargs="?", help="a price list that is kept")
    one.add_argument("--file", type=Path, help="a price list that is not")
    one.add_argument("--kwh", type=float, default=30.0, help="default: %(default)g")
    one.add_argument("--kw", type=float, default=11.0, help="constant power, default: %(default)g")
    one.add_argument("--idle", type=int, default=0, metavar="MINUTES", help="how long it stays afterwards")
    one.add_argument("--at", help="when it plugs in, with its offset: 2026-11-26T17:30:00+01:00 (default: now)")
    _add_json(one)
    one = _command(kinds, "receipt", "price.receipt", "The receipt of a session that is over")
    one.add_argument("site", help=SITE)
    one.add_argument("session", help="its id, as `ems export sessions` names it")
    _add_json(one)


def _add_probe(commands: Commands) -> None:
    probe = commands.add_parser("probe", help="Find meters and stations", description="Find meters and stations.")
    kinds = probe.add_subparsers(dest="kind", required=True, metavar="KIND")
    text = "Find meter model, framing and unit; or show every value of one meter, raw and decoded"
    one = _command(kinds, "modbus", "meters.probe", text)
    one.add_argument("place", help="host name, address, or serial device")
    one.add_argument("--port", type=int, default=502)
    one.add_argument("--unit", type=int)
    one.add_argument("--model", help="with --unit: show every value of this model, raw and decoded")
    one.add_argument("--framer", choices=["tcp", "rtu"])
    _add_json(one)
    one = _command(kinds, "ocpp", "picture.knocks", "Stations that tried to connect and were refused")
    one.add_argument("site", nargs="?", help=SITE)
    _add_json(one)


def _add_json(one: argparse.ArgumentParser) -> None:
    one.add_argument("--json", action="store_true", help="for programs")


def _days(text: str) -> int:
    days = int(text)
    if days < 1:
        raise argparse.ArgumentTypeError("at least one day")
    return days
