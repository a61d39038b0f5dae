"""Site energy controller. The map of the rooms is in README.md, section "The house"."""

from importlib import metadata

try:
    __version__ = metadata.version("ems")
except metadata.PackageNotFoundError:
    __version__ = "0+checkout"
