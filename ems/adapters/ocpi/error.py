"""What can go wrong between two parties, with the status codes of OCPI 2.2.1 (section 5)."""

from __future__ import annotations

from enum import IntEnum


class StatusCode(IntEnum):
    """Beside the status of HTTP: what came of a request that was understood."""

    SUCCESS = 1000
    CLIENT_ERROR = 2000
    INVALID_PARAMETERS = 2001
    NOT_ENOUGH_INFORMATION = 2002
    UNKNOWN_LOCATION = 2003
    UNKNOWN_TOKEN = 2004
    SERVER_ERROR = 3000
    CANNOT_USE_API = 3001
    UNSUPPORTED_VERSION = 3002
    NO_MATCHING_ENDPOINTS = 3003


class OcpiError(Exception):
    """A request is refused; the text says why, `code` and `status` say so to the partner."""

    def __init__(self, code: StatusCode, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.code, self.status = code, status


class PartnerAwayError(Exception):
    """A partner cannot be reached, or says that it has trouble itself: ask again later."""


class PartnerRefusedError(Exception):
    """A partner does not take what it was told, however often; `status` of HTTP and `code` of OCPI, 0 if none."""

    def __init__(self, text: str, status: int, code: int = 0) -> None:
        super().__init__(text)
        self.status, self.code = status, code
