"""SSH servers: a host's own host key, and the host keys other machines present to it, by fingerprint."""

import base64
import hashlib
from collections.abc import Iterable

from deploy.errors import CommandFailed
from deploy.host import Reads

_OWN = "cat /etc/ssh/ssh_host_ed25519_key.pub"
# ssh stops at the unknown host key (StrictHostKeyChecking, no known hosts). This takes an eighth of the CPU time of
# ssh-keyscan, which negotiates post-quantum keys first.
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
_RUN = """\
setpriv --reuid="$1" --regid="$(id -g "$1")" --init-groups -- ssh -o BatchMode=yes -o ConnectTimeout=5 \\
  -o StrictHostKeyChecking=yes -o UpdateHostKeys=no "$2" "$3" </dev/null 2>&1 || exit 0
echo "$4"
"""


def public_key(host: Reads) -> str:
    """Return the Ed25519 host key of the host's own server as `TYPE KEY`, the form of known_hosts.

    CommandFailed where the host prints no such key.
    """
    words = (text := host.check(_OWN)).split()[:2]
    if words[:1] != ["ssh-ed25519"] or len(words) < 2:
        raise CommandFailed(f"{host.name}: its own SSH host key: not known", expected="a public key", seen=text)
    return " ".join(words)


def own_key(host: Reads) -> str:
    """Return the fingerprint of the host's own Ed25519 host key."""
    return fingerprint(public_key(host))


def shown_keys(host: Reads, addresses: Iterable[object], port: int) -> dict[str, str]:
    """Return the Ed25519 fingerprint each address presents to a host within 3 s; silent addresses are left out."""
    wanted = [str(address) for address in addresses]
    return parse(host.run("exec sh -s -- %s" + " %s" * len(wanted), port, *wanted, stdin=_SHOWN).out)


def signs_in(host: Reads, account: str, address: object) -> str:
    """Return `signed in` where the account may run `true` as the same account at `address`; else ssh's message."""
    return _run(host, account, address, "true", "signed in")


def runs(host: Reads, account: str, address: object, command: str) -> str:
    """Return `ran` where the account may run that command as the same account at `address`; else the last message."""
    return _run(host, account, address, command, "ran")


def _run(host: Reads, account: str, address: object, command: str, word: str) -> str:
    words = account, str(address), command, word
    output = host.run("exec sh -s -- %s %s %s %s", *words, stdin=_RUN).out.splitlines()
    return output[-1].strip() if output else "nothing"


def fingerprint(public: str) -> str:
    """Return the fingerprint of a public key's line, in the form of ssh-keygen(1)."""
    kind, key, *_ = public.split()
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return f"{kind} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def parse(text: str) -> dict[str, str]:
    """Parse lines of an address and its key's fingerprint."""
    rows = (line.split(maxsplit=1) for line in text.splitlines() if " " in line)
    return {address: key.strip() for address, key in rows}
