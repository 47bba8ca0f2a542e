"""Standing: what earlier builds put on a host, by the records they kept there."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from shlex import quote

from pydantic import TypeAdapter, ValidationError

from deploy.errors import StackproofError
from deploy.host import STATE, Reads

FOLDER = f"{STATE}/projects"
"""One record a project, named after it."""


@dataclass(frozen=True)
class Record:
    """What a build put on one host for one project, and what it made for the project elsewhere."""

    project: str
    units: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Paths that the templates own, sorted."""
    clones: tuple[str, ...] = ()
    """Names of the resources that Pacemaker runs; the clone of each has `-clone` behind the name."""
    proxies: tuple[str, ...] = ()
    """HAProxy's sections."""
    endpoints: tuple[tuple[str, str], ...] = ()
    """Name and type of each of its entries in Keystone's catalogue."""
    account: str = ""
    """Its user in Keystone."""
    databases: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    """Folders of what users stored."""

    @property
    def text(self) -> str:
        """The record as its file holds it: one line of JSON."""
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class Standing:
    """What one host told."""

    records: tuple[Record, ...] = ()
    active: frozenset[str] = frozenset()
    """Units that are active, of those that were asked for."""


def read(host: Reads, units: Iterable[str]) -> Standing:
    """Ask one host, in one round trip. `units`: those that show a project for which no build kept a record."""
    return parse(host.check("exec sh -s", stdin=_ASK.format(folder=FOLDER, units=" ".join(map(quote, units)))))


def parse(text: str) -> Standing:
    """Lines of JSON, one a record, and lines of `active <unit>`."""
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
# A host that was built before records were kept says whose it is, and its units tell what stands.
_ASK = """
[ ! -d {folder} ] || find {folder} -type f ! -name '.*' -exec cat {{}} +
if [ -s /etc/stackproof/cluster ]; then
  for unit in {units}; do if systemctl -q is-active "$unit"; then echo "active $unit"; fi; done
fi
"""
