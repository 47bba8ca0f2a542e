"""Secrets held: which secrets of the cluster the files of a host hold."""

from collections.abc import Mapping

from deploy.facts.ended import END, whole
from deploy.facts.exposure import SHORTEST
from deploy.host import Reads

FOLDERS = "/etc /root /home /opt /srv /usr/local /var/lib/nova /var/lib/neutron /var/lib/libvirt"
"""Folders in which services and operators keep files with passwords."""

RUNNER = "/.local/state/stackproof/"
"""Where a host that is the runner too keeps the secrets of the cluster."""


def read(host: Reads, secrets: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the files that hold secrets, by the secret's use; CommandFailed where the search did not end.

    `secrets`: secrets by use. They travel on stdin; those shorter than SHORTEST are not searched for. The disks of
    instances are left out.
    """
    wanted = "".join(f"{use}\t{value}\n" for use, value in secrets.items() if len(value) >= SHORTEST)
    if not wanted:
        return {}
    out = host.check("exec sh -c %s", _SEARCH, stdin=wanted, timeout=120)
    return parse(whole(host, "files with secrets", out))


def parse(text: str) -> dict[str, tuple[str, ...]]:
    """Parse lines of use and path, separated by a tab; other lines and a runner's own state are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for use, separator, path in (line.partition("\t") for line in text.splitlines()):
        if separator and RUNNER not in path:
            found[use] = (*found.get(use, ()), path)
    return found


# First one search of all folders for all secrets, which costs most; then one for each secret in the files found. A file
# that vanishes meanwhile is no failure (2); a search that was killed, or could not start, is one.
_SEARCH = f"""\
listed=$(cat); tab=$(printf '\\t')
files=$(printf '%s\\n' "$listed" | cut -f 2- | grep -rlsF --exclude-dir=instances -f - {FOLDERS})
[ $? -le 2 ] || exit 1
IFS='
'; set -f; set -- $files
[ $# -eq 0 ] || printf '%s\\n' "$listed" | while IFS="$tab" read -r use value; do
  found=$(printf '%s\\n' "$value" | grep -lsF -f - -- "$@")
  [ $? -le 2 ] || exit 1
  for file in $found; do printf '%s\\t%s\\n' "$use" "$file"; done
done && echo {END}
"""
