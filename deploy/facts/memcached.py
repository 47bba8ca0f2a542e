"""memcached: the counters of one member, and in which form it keeps its values."""

from dataclasses import dataclass

from deploy.facts.ended import END, whole
from deploy.host import Reads


@dataclass(frozen=True)
class MemcachedStatus:
    """One member's counters. An empty `version` means that the member did not answer."""

    version: str = ""
    connections: int = 0
    allowed: int = 0
    """The limit on simultaneous connections."""
    refused: int = 0
    """How often the member stopped accepting connections since it started (`listen_disabled_num`)."""


def status(host: Reads, address: object, port: object) -> MemcachedStatus:
    """Query the member at that address from that host, for at most 5 s."""
    return parse(host.run("timeout 5 bash -c %s %s %s", _ASK, address, port).out)


def parse(text: str) -> MemcachedStatus:
    """Parse lines of `STAT name value`."""
    words = [line.split(maxsplit=2) for line in text.splitlines()]
    stats = {entry[1]: entry[2].strip() for entry in words if len(entry) == 3 and entry[0] == "STAT"}

    def number(name: str) -> int:
        return int(stats[name]) if stats.get(name, "").isdecimal() else 0

    return MemcachedStatus(
        stats.get("version", ""), number("curr_connections"), number("max_connections"), number("listen_disabled_num")
    )


_ASK = 'exec 3<>/dev/tcp/$0/$1 && printf "stats\\r\\nquit\\r\\n" >&3 && cat <&3'


def forms(host: Reads, address: object, port: object) -> dict[str, int]:
    """Count the values of that member by form; CommandFailed without an answer.

    Tokens of keystonemiddleware are `encrypted` (base64) or `clear` (JSON); other values are `sealed` (Fernet), as
    Keystone's are, or `open`; a `pickle` is one by its flags. At most 500 tokens and 500 others are read, and no value
    leaves the host.
    """
    text = host.check("exec python3 -IS - %s %s", address, port, stdin=_FORMS, timeout=20)
    return parse_forms(whole(host, "memcached's values", text))


def parse_forms(text: str) -> dict[str, int]:
    """Parse lines of `form`; an empty dict where there is none."""
    forms = [line for line in text.split() if line in _KNOWN]
    return {form: forms.count(form) for form in _KNOWN if form in forms}


_KNOWN = ("encrypted", "clear", "sealed", "open", "pickle")

# memcached lists its keys for one client at a time, and answers others BUSY.
_FORMS = f"""
import re, socket, sys, time, urllib.parse
server = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
lines = server.makefile("rb")
for _ in range(50):
    server.sendall(b"lru_crawler metadump all\\r\\n")
    line = lines.readline()
    if not line.startswith(b"BUSY"):
        break
    time.sleep(0.1)
keys = []
while line.startswith(b"key="):
    keys.append(urllib.parse.unquote_to_bytes(line.split()[0][4:]))
    line = lines.readline()
if line.strip() != b"END":
    sys.exit("memcached: " + line.decode(errors="replace"))
tokens = [key for key in keys if key.startswith(b"tokens/")]
others = [key for key in keys if not key.startswith(b"tokens/")]
for key in tokens[:500] + others[:500]:
    server.sendall(b"get " + key + b"\\r\\n")
    head = lines.readline().split()
    if head == [b"END"]:
        continue  # it has expired
    value = lines.read(int(head[3]))
    lines.readline(), lines.readline()
    if int(head[2]) & 1:
        print("pickle")
    elif key.startswith(b"tokens/"):
        print("encrypted" if re.fullmatch(rb"[A-Za-z0-9+/=]+", value) else "clear")
    else:
        print("sealed" if re.fullmatch(rb"gAAAA[A-Za-z0-9_=-]+", value) else "open")
print("{END}")
"""
