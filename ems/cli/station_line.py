"""What can be typed about stations: `ems station WORD [SITE] STATION …`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

SITE = "a folder that holds site.yaml, or the name of a shipped site (default: $EMS_SITE)"
TRIGGERS = ("boot", "status", "meter-values", "heartbeat", "firmware", "diagnostics")
Fill = Callable[[argparse.ArgumentParser], None]


def add_station(station: argparse.ArgumentParser) -> None:
    """Add everything that can be asked of stations."""
    words = station.add_subparsers(dest="word", required=True, metavar="WORD")

    def add(name: str, text: str, by: str, *fills: Fill) -> None:
        one = words.add_parser(name, help=text, description=f"{text}.")
        one.set_defaults(carried_out_by=f"station.{by}")
        one.add_argument("site", nargs="?", help=SITE)
        for fill in fills:
            fill(one)
        one.add_argument("--json", action="store_true", help="for programs")

    add("list", "All stations, with what was asked of them last", "every")
    add("show", "One station with what was asked of it", "show", _station)
    add("messages", "The last frames on the line to a station", "messages", _station, _routine)
    add("configuration", "The configuration that was last read, beside its template", "configuration", _station)
    add("start", "Start a transaction, under the limit that the controller gives it", "ask", _stations, _at, _tag)
    add("stop", "Stop the transaction of an EVSE", "ask", _stations, _at)
    add("unlock", "Unlock a connector", "ask", _stations, _at, _insist)
    add("reset", "Restart stations", "ask", _stations, _hard, _insist)
    add("availability", "Take into or out of service", "ask", _stations, _about, _operative, _when_back)
    add("trigger", "Have something said once more", "ask", _stations, _about, _message)
    add("reserve", "Reserve an EVSE for a tag", "ask", _stations, _about, _tag, _minutes)
    add("cancel-reservation", "Cancel a reservation", "ask", _stations, _reservation, _when_back)
    add("clear-cache", "Clear the authorisation cache", "ask", _stations)
    add("list-version", "Ask for the version of the local list", "ask", _stations)
    add("schedule", "Ask which limits are in force at an EVSE", "ask", _stations, _at)
    add("read-configuration", "Read the configuration", "ask", _stations, _names)
    add("write-configuration", "Write configuration variables", "ask", _stations, _set, _insist, _when_back)
    add("apply-template", "Write what differs from the template", "apply", _station, _template, _when_back)
    add("send-list", "Send a local list; the daemon keeps it in step by itself", "ask", _stations, _list)
    add("firmware", "Have firmware fetched and installed", "ask", _stations, _url, _insist)
    add("diagnostics", "Have diagnostics uploaded to the daemon", "diagnostics", _station, _times)
    add("vendor-data", "Tell a station something of its make's", "ask", _stations, _vendor)
    add("set-profile", "For experts: send a raw charging profile", "ask", _stations, _connector, _profile)
    add("clear-profile", "For experts: clear raw charging profiles", "ask", _stations, _criteria)
    text = "Where the controller only observes: give stations their own limits back, without any fallback"
    add("release", text, "ask", _stations, _insist_on_fuses)


def _station(one: argparse.ArgumentParser) -> None:
    one.add_argument("station", help="for example CP-01")


def _stations(one: argparse.ArgumentParser) -> None:
    one.add_argument("stations", nargs="+", help="for example CP-01; of several, also the site must be named")


def _at(one: argparse.ArgumentParser) -> None:
    one.add_argument("--evse", type=int, default=1, help="number of the EVSE at its station (default: %(default)s)")


def _about(one: argparse.ArgumentParser) -> None:
    one.add_argument("--evse", type=int, help="number of the EVSE (default: the whole station)")


def _tag(one: argparse.ArgumentParser) -> None:
    one.add_argument("--tag", dest="id_tag", default="OPERATOR", help="the tag it is for (default: %(default)s)")


def _hard(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--hard", dest="kind", action="store_const", const="hard", default="soft", help="as after a power cut"
    )


def _insist(one: argparse.ArgumentParser) -> None:
    one.add_argument("--insist", dest="insists", action="store_true", help="also where a transaction runs")


def _insist_on_fuses(one: argparse.ArgumentParser) -> None:
    text = "the cables bear what the vehicles there can draw"
    one.add_argument("--insist", dest="insists", action="store_true", help=text)


def _when_back(one: argparse.ArgumentParser) -> None:
    text = "if the station is not there, when it returns"
    one.add_argument("--when-back", action="store_true", help=text)


def _operative(one: argparse.ArgumentParser) -> None:
    way = one.add_mutually_exclusive_group(required=True)
    way.add_argument("--in", dest="operative", action="store_true", help="into service")
    way.add_argument("--out", dest="operative", action="store_false", help="out of service")
    one.add_argument("--note", default="", help="why, for people; it stands in the audit")


def _message(one: argparse.ArgumentParser) -> None:
    one.add_argument("--message", choices=TRIGGERS, default="status", help="what (default: %(default)s)")


def _minutes(one: argparse.ArgumentParser) -> None:
    one.add_argument("--minutes", type=int, default=30, help="for so long (default: %(default)s)")


def _reservation(one: argparse.ArgumentParser) -> None:
    one.add_argument("--reservation", type=int, required=True, help="its number")


def _names(one: argparse.ArgumentParser) -> None:
    one.add_argument("--key", dest="names", action="append", default=[], help="only this variable; several times")


def _set(one: argparse.ArgumentParser) -> None:
    one.add_argument("--set", dest="values", action="append", required=True, metavar="KEY=VALUE", help="several times")


def _template(one: argparse.ArgumentParser) -> None:
    text = "a YAML file of variables and values that goes before the template of the model"
    one.add_argument("--template", type=Path, help=text)


def _list(one: argparse.ArgumentParser) -> None:
    one.add_argument("--list-version", dest="version", type=int, required=True, help="its version")
    text = 'a JSON file, for example [{"id_tag": "04A1B2C3"}, {"id_tag": "04A1B2C4", "accepted": false}]'
    one.add_argument("--tags", type=Path, required=True, help=text)
    one.add_argument("--update", dest="whole", action="store_false", help="only what is new in this version")


def _url(one: argparse.ArgumentParser) -> None:
    one.add_argument("--url", required=True, help="where the firmware is")
    one.add_argument("--at", help="not before this moment, for example 2026-03-10T02:00+01:00")


def _times(one: argparse.ArgumentParser) -> None:
    one.add_argument("--since", help="for example 2026-03-09T00:00Z")
    one.add_argument("--until")
    one.add_argument("--ftp", action="store_true", help="over FTP, where the station knows nothing else")


def _vendor(one: argparse.ArgumentParser) -> None:
    one.add_argument("--vendor", required=True)
    one.add_argument("--message")
    one.add_argument("--data")


def _connector(one: argparse.ArgumentParser) -> None:
    one.add_argument("--evse", type=int, default=0, help="connector; 0 is the station (default: %(default)s)")


def _profile(one: argparse.ArgumentParser) -> None:
    text = "a JSON file: the profile as OCPP writes it; one that acts against the controller is refused"
    one.add_argument("--profile", type=Path, required=True, help=text)


def _criteria(one: argparse.ArgumentParser) -> None:
    one.add_argument("--id", dest="profile", type=int, help="the id of one profile")
    one.add_argument("--evse", type=int)
    one.add_argument("--purpose")
    one.add_argument("--level", type=int)


def _routine(one: argparse.ArgumentParser) -> None:
    one.add_argument("--all", action="store_true", help="also samples, heartbeats and limits")
