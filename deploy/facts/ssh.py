"""SSH servers: the key a host has, and those it is shown by others, by their fingerprints."""

import base64
import hashlib
from collections.abc import Iterable

from deploy.host import Reads

_OWN = "cat /etc/ssh/ssh_host_ed25519_key.pub"
# As far as the server's key, and no further: whom nobody knows is not talked to. An eighth of the processor's time that
# ssh-keyscan takes, which agrees on post-quantum keys first.
_SHOWN = """\
port=$1; shift
for address; do
  ssh -v -F /dev/null -p "$port" -o BatchMode=yes -o ConnectTimeout=3 -o HostKeyAlgorithms=ssh-ed25519 \\
    -o KexAlgorithms=curve25519-sha256,ecdh-sha2-nistp256 -o StrictHostKeyChecking=yes \\
    -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null "$address" true </dev/null 2>&1 |
    sed -n "s/^debug1: Server host key: /$address /p" &
done
wait
"""
_SIGNED_IN = """\
setpriv --reuid="$1" --regid="$(id -g "$1")" --init-groups -- ssh -o BatchMode=yes -o ConnectTimeout=5 \\
  -o StrictHostKeyChecking=yes -o UpdateHostKeys=no "$2" true </dev/null 2>&1 || exit 0
echo signed in
"""


def public_key(host: Reads) -> str:
    """The Ed25519 key of the host's own server: its kind and the key, as known_hosts has them."""
    return " ".join(host.check(_OWN).split()[:2])


def own_key(host: Reads) -> str:
    """The same, by its fingerprint."""
    return fingerprint(public_key(host))


def shown_keys(host: Reads, addresses: Iterable[object], port: int) -> dict[str, str]:
    """The Ed25519 key that a host is shown at each address, within three seconds; who shows none is not in it."""
    wanted = [str(address) for address in addresses]
    return parse(host.run("exec sh -s -- %s" + " %s" * len(wanted), port, *wanted, stdin=_SHOWN).out)


def signs_in(host: Reads, account: str, address: object) -> str:
    """`signed in` where that account of the host may run commands as the same one at an address; else what ssh said."""
    said = host.run("exec sh -s -- %s %s", account, str(address), stdin=_SIGNED_IN).out.splitlines()
    return said[-1].strip() if said else "nothing"


def fingerprint(public: str) -> str:
    """Of a public key's line, as ssh-keygen(1) shows it."""
    kind, key, *_ = public.split()
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return f"{kind} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def parse(text: str) -> dict[str, str]:
    """Lines of an address and its key's fingerprint."""
    rows = (line.split(maxsplit=1) for line in text.splitlines() if " " in line)
    return {address: key.strip() for address, key in rows}
