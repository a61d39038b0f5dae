"""What a driver's page tells of a payment."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from ems.adapters.web.body import Body


class PayBody(Body):
    """A driver wants to pay at an EVSE; `back` is the path on this site that the provider's page leads back to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"evse": "CP-01/1", "back": "/c/8h2k"}]})

    evse: str
    back: str = Field(default="/", examples=["/c/8h2k"])

    def path(self) -> str:
        """Where to come back to; nothing but a path here. Raises ValueError."""
        split = urlsplit(self.back)
        if split.scheme or split.netloc or not self.back.startswith("/") or self.back.startswith("//"):
            raise ValueError("back must be a path on this site, as /c/8h2k")
        if "\\" in self.back or not self.back.isprintable():
            raise ValueError("back must be a path of printable characters")
        return self.back
