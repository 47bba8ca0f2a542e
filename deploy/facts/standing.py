"""Records of earlier builds on a host: the units, files and cloud objects that each project has there."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from shlex import quote

from pydantic import TypeAdapter, ValidationError

from deploy.errors import StackproofError
from deploy.host import STATE, Reads

FOLDER = f"{STATE}/projects"
"""The folder of the records: one file per project, named after the project."""


@dataclass(frozen=True)
class Record:
    """What a build put on one host for one project, and what it created for the project elsewhere."""

    project: str
    units: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Paths of the rendered files, sorted."""
    clones: tuple[str, ...] = ()
    """Names of the primitives that Pacemaker runs; the clone of each is named `<name>-clone`."""
    proxies: tuple[str, ...] = ()
    """Names of the sections in HAProxy's file."""
    endpoints: tuple[tuple[str, str], ...] = ()
    """Name and type of each of the project's services in Keystone's catalogue."""
    account: str = ""
    """The project's user in Keystone."""
    databases: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    """Folders that hold users' data."""

    @property
    def text(self) -> str:
        """The content of the record's file: one line of JSON."""
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class Standing:
    """The records and active units of one host."""

    records: tuple[Record, ...] = ()
    active: frozenset[str] = frozenset()
    """The requested units that are active."""


def read(host: Reads, units: Iterable[str]) -> Standing:
    """Read one host in one round trip. `units`: units that reveal a project for which no build kept a record."""
    return parse(host.check("exec sh -s", stdin=_ASK.format(folder=FOLDER, units=" ".join(map(quote, units)))))


def parse(text: str) -> Standing:
    """Parse lines of JSON, one per record, and lines of `active <unit>`."""
    lines = text.splitlines()
    try:
        records = tuple(_RECORD.validate_json(line) for line in lines if line.startswith("{"))
    except ValidationError as error:
        raise StackproofError(
            f"a record of a build below {FOLDER} cannot be read",
            expected="the JSON that a build wrote",
            seen=str(error),
            hint=f"delete the damaged file below {FOLDER}; the next build writes it again",
        ) from None
    return Standing(
        records,
        frozenset(line.removeprefix("active ") for line in lines if line.startswith("active ")),
    )


_RECORD = TypeAdapter(Record)
# Builds did not always keep records: on a host that names its cluster, active units show projects without one.
_ASK = """
[ ! -d {folder} ] || find {folder} -type f ! -name '.*' -exec cat {{}} +
if [ -s /etc/stackproof/cluster ]; then
  for unit in {units}; do if systemctl -q is-active "$unit"; then echo "active $unit"; fi; done
fi
"""
