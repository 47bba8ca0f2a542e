"""Defects: a wrong line in a package's own file."""

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Defect:
    """A wrong line in a package's own file, which a build replaces by `mended`.

    A version of the package without that line is left as it is.
    """

    path: str
    line: str
    mended: str
    why: str
    units: tuple[str, ...]
    """The units that run the line, and restart after the change."""
