"""What a station is told about a tag (idTagInfo, OCPP 1.6 section 7.27)."""

from __future__ import annotations

from collections.abc import Mapping

from ocpp.v16.enums import AuthorizationStatus

from ems.domain.access.admission import Admission

EVERYBODY: Mapping[str, str] = {"status": AuthorizationStatus.accepted.value}


def tag_info(answer: Admission) -> Mapping[str, str]:
    """The answer in the station's words."""
    told = {"status": answer.status.value}
    if answer.valid_to is not None:
        told["expiryDate"] = f"{answer.valid_to:%Y-%m-%dT%H:%M:%SZ}"
    if answer.stop_tag:
        told["parentIdTag"] = answer.stop_tag
    return told
