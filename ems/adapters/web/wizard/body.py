"""What can be told about the installation. What the site file makes of it, `ems check` says."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from ems.adapters.web.body import Body

MOST_KEYS = 60
MAX_SECRET = 16_384
MAX_NOTE = 1000
Step = Annotated[str, Field(min_length=1, max_length=100)]
Route = Annotated[list[Step], Field(min_length=1, max_length=6)]


class EditBody(Body):
    """A change of one place of the site file, which is kept in the draft. Of the keys null takes one away; without keys
    the place itself goes. A further item of a list is at `+`.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"route": ["circuits", "row-a"], "keys": {"parent": "grid", "rating_a": 63}}]}
    )

    route: Route
    keys: Annotated[dict[Step, Any], Field(max_length=MOST_KEYS)] | None = None


class MeterBody(Body):
    """A meter as an entry of `meters:` describes it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"keys": {"model": "eastron-sdm630", "host": "10.0.0.10", "unit": 1}}]}
    )

    keys: Annotated[dict[Step, Any], Field(max_length=MOST_KEYS)]


class SecretBody(Body):
    """A secret that a key of a place of the site file names by its file."""

    model_config = ConfigDict(
        str_max_length=MAX_SECRET,
        json_schema_extra={"examples": [{"route": ["payment"], "key": "key_file", "secret": "sk_test_…"}]},
    )

    route: Route
    key: Step
    secret: Annotated[str, Field(min_length=1, max_length=MAX_SECRET)]


class ConnectionBody(Body):
    """What is tried out: what the draft says at a place, with these keys set there first; null takes one away. `to`:
    who gets the mail of a test of `mail`.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"route": ["mail"], "keys": {"port": 465}, "to": "anna@depot.example"}]}
    )

    route: Route
    keys: Annotated[dict[Step, Any], Field(max_length=MOST_KEYS)] | None = None
    to: Annotated[str, Field(max_length=200)] = ""


class BatteryBody(Body):
    """A battery as an entry of `batteries:` describes it; its meter stands in the draft."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"keys": {"circuit": "grid", "meter": "bat", "capacity_kwh": 60, "charge_max_kw": 20,
                          "discharge_max_kw": 20}}
            ]
        }
    )  # fmt: skip

    keys: Annotated[dict[Step, Any], Field(max_length=MOST_KEYS)]


class ControlBody(Body):
    """Whether the controller controls, or only observes and leaves whom it controlled at the fallback."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"armed": True}]})

    armed: bool


class ProofBody(Body):
    """A test of one outlet; `offline`: also what it does without the controller, which takes as long as a lease."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"station": "CP-01", "evse": 1, "offline": False}]})

    station: Annotated[str, Field(min_length=1, max_length=64)]
    evse: Annotated[int, Field(ge=1, le=999)] = 1
    offline: bool = False


class RecordBody(Body):
    """What is said beside what was seen."""

    model_config = ConfigDict(str_max_length=MAX_NOTE, json_schema_extra={"examples": [{"note": "handed over"}]})

    note: Annotated[str, Field(max_length=MAX_NOTE)] = ""


class WatchBody(Body):
    """A supervised run of the whole site."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"minutes": 15}]})

    minutes: Annotated[float, Field(ge=0.1, le=1440)] = 15.0
