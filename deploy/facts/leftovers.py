"""Leftovers: configuration and data that a deployment left on a machine, and the cluster they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.catalogue import Shelf
from deploy.errors import CommandFailed
from deploy.host import Reads


@dataclass(frozen=True)
class Leftovers:
    """Leftovers of one machine; empty on a bare machine."""

    claims: Mapping[str, str] = field(default_factory=dict)
    """The cluster's name in each configuration that holds one, by the owner of the configuration."""
    data: tuple[str, ...] = ()
    """Paths of data of services."""

    def ours(self, cluster: str) -> bool:
        """True where at least one configuration names that cluster, and none names another."""
        return set(self.claims.values()) == {cluster}

    def foreign(self, cluster: str) -> dict[str, str]:
        """Return the claims of other clusters."""
        return {owner: name for owner, name in self.claims.items() if name != cluster}


def script(shelf: Shelf, platform: str) -> str:
    """Return the shell script for `read`: it covers all projects of the shelf on that platform and changes nothing.

    It prints `claim <owner> <cluster>` for each configuration that names its cluster, and `data <path>` for each
    service's data; then `searched`.
    """
    claims = "".join(f'claim {owner} "$({command})"\n' for owner, command in shelf.claims(platform).items())
    return _SCRIPT.format(claims=claims, paths=" ".join(shelf.data(platform)))


_SCRIPT = """\
claim() {{ [ -z "$2" ] || echo "claim $1 $2"; }}
{claims}for path in {paths}; do
  [ ! -e "$path" ] || echo "data $path"
done
echo searched
"""
_END = "searched"
"""The last line: without it, a machine whose shell failed would look bare."""


def read(host: Reads, script: str) -> Leftovers:
    """Run the script on one machine, in one round trip; CommandFailed where it does not run to its end."""
    out = host.check("exec sh -s", stdin=script)
    if out.splitlines()[-1:] != [_END]:
        raise CommandFailed(f"{host.name}: leftovers are not known", expected=f"`{_END}` as the last line", seen=out)
    return parse(out)


def parse(text: str) -> Leftovers:
    """Parse lines of `claim <owner> <cluster>` and `data <path>`."""
    claims, data = {}, []
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "claim" and " " in rest:
            owner, _, name = rest.partition(" ")
            claims[owner] = name.strip()
        elif kind == "data" and rest:
            data.append(rest)
    return Leftovers(claims, tuple(data))
