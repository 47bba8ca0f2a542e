"""Defects: what is wrong in a package's own file in one release."""

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Defect:
    """A line of a package's own file that is wrong in this release, and mended where it is found.

    A version of the package without that line needs no mending, and gets none.
    """

    path: str
    line: str
    mended: str
    why: str
    units: tuple[str, ...]
    """The units that run the wrong line, and are restarted."""
