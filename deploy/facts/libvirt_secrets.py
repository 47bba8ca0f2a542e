"""Secrets of libvirt: the keys with which QEMU opens disks in Ceph, compared with those that the build wrote."""

from collections.abc import Mapping

from deploy.catalogue import Catalogue
from deploy.facts.ended import END, whole
from deploy.host import Reads
from deploy.secrets import Secrets

FOLDER = "/etc/stackproof/libvirt"
"""Where the build writes each client's key (NAME.key) and its description for libvirt (NAME.xml)."""
SAME = "same"

# The comparison is the shell's own, so that no process has a key among its arguments.
_ASK = f"""for client in "$@"; do
  name=${{client%%=*}}
  said=$(timeout 20 virsh -q secret-get-value "${{client#*=}}" 2>/dev/null | tr -d '\\n')
  if [ -z "$said" ]; then echo "$name none"
  elif [ "$said" = "$(cat {FOLDER}/"$name".key)" ]; then echo "$name {SAME}"
  else echo "$name other"; fi
done
echo {END}
"""


def clients(catalogue: Catalogue, secrets: Secrets) -> dict[str, str]:
    """Return the clients of Ceph as which QEMU opens disks, with the UUIDs of their secrets in libvirt."""
    names = ["nova", *(["cinder"] if catalogue.has("cinder") else [])]
    return {name: secrets.uuid(name) for name in names}


def read(host: Reads, clients: Mapping[str, str]) -> dict[str, str]:
    """Return for each client of Ceph whether libvirt has the key of its file: `same`, `other` or `none`.

    `clients`: UUIDs of the secrets, by client. CommandFailed where the host did not answer to the end.
    """
    named = [f"{name}={uuid}" for name, uuid in clients.items()]
    out = host.check(f"exec sh -s -- {' '.join(['%s'] * len(named))}", *named, stdin=_ASK, timeout=60)
    return parse(whole(host, "libvirt's secrets", out))


def parse(text: str) -> dict[str, str]:
    """Parse lines of client and state; other lines are skipped."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[1] in {SAME, "other", "none"}}
