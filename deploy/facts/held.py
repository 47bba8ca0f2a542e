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


# First one search of all folders for all secrets, which costs most; then which secrets each file found holds.
_SEARCH = f"""\
listed=$(cat); tab=$(printf '\\t')
printf '%s\\n' "$listed" | cut -f 2- | grep -rlsF --exclude-dir=instances -f - {FOLDERS} |
while IFS= read -r file; do
  printf '%s\\n' "$listed" | while IFS="$tab" read -r use value; do
    if printf '%s\\n' "$value" | grep -qF -f - -- "$file"; then printf '%s\\t%s\\n' "$use" "$file"; fi
  done
done
echo {END}
"""
