"""NFS exports: whether a server answers a host and has them, asked before the host can mount anything."""

from collections.abc import Iterable

from deploy.facts.ended import END, whole
from deploy.host import Reads

PORT = 2049


def refused(host: Reads, shares: Iterable[str], port: int = PORT) -> dict[str, str]:
    """Return why a host cannot use an export, by the export (HOST:/PATH); no entry for one that answers.

    It looks the path up as root, by NFS 4.0 (RFC 7530). A server that has only later versions, or only version 3,
    counts as answering: what it exports is then seen when the build mounts it. CommandFailed without an answer.
    """
    asked = list(shares)
    command = "exec python3 -IS - %s" + " %s" * len(asked)
    text = host.check(command, port, *asked, stdin=_ASK, timeout=15 + 10 * len(asked))
    return parse(whole(host, "NFS exports", text))


def parse(text: str) -> dict[str, str]:
    """Parse lines of an export, a tab, and why it cannot be used."""
    rows = [line.split("\t") for line in text.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[1]}


# One call of COMPOUND: PUTROOTFH, and a LOOKUP for each part of the path. A server takes a client for root by its port
# below 1024 and AUTH_SYS. Replies to other versions: PROG_MISMATCH (2), NFS4ERR_MINOR_VERS_MISMATCH (10021).
_ASK = f"""
import socket, struct, sys

WORDS = {{1: "it permits nothing to this host", 2: "there is no such export", 13: "it permits nothing to this host",
         20: "it is no folder", 10016: "it wants another way to sign in than AUTH_SYS"}}

def text(data):
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)

def some(stream, size):
    data = b""
    while len(data) < size:
        piece = stream.recv(size - len(data))
        if not piece:
            raise OSError("it closed the connection")
        data += piece
    return data

def connected(server, port):
    places = socket.getaddrinfo(server, port, type=socket.SOCK_STREAM)
    for own in range(1023, 900, -1):
        stream = socket.socket(places[0][0])
        stream.settimeout(5)
        try:
            stream.bind(("", own))
            stream.connect(places[0][4])
            return stream
        except OSError as error:
            stream.close()
            if error.errno not in (98, 99):
                raise
    raise OSError("no port below 1024 is free")

def why(share, port):
    server, _, path = share.partition(":/")
    parts = [part.encode() for part in path.split("/") if part]
    sign_in = struct.pack(">I", 0) + text(socket.gethostname().encode()[:200]) + struct.pack(">IIII", 0, 0, 1, 0)
    operations = struct.pack(">I", 24) + b"".join(struct.pack(">I", 15) + text(part) for part in parts)
    call = (struct.pack(">IIIIII", 1, 0, 2, 100003, 4, 1) + struct.pack(">I", 1) + text(sign_in)
            + struct.pack(">II", 0, 0) + text(b"") + struct.pack(">II", 0, 1 + len(parts)) + operations)
    with connected(server.strip("[]"), port) as stream:
        stream.sendall(struct.pack(">I", len(call) | 1 << 31) + call)
        reply, last = b"", False
        while not last:
            mark, = struct.unpack(">I", some(stream, 4))
            last, size = mark >> 31, mark & 0x7fffffff
            if len(reply) + size > 1 << 16:
                raise OSError("its answer is no answer of NFS")
            reply += some(stream, size)
    number, kind, state, _, verifier = struct.unpack(">IIIII", reply[:20])
    if (number, kind) != (1, 1):
        raise OSError("its answer is no answer of NFS")
    if state:
        return "it refuses this host's calls"
    accepted, = struct.unpack(">I", reply[20 + verifier + -verifier % 4:][:4])
    if accepted == 2:
        return ""
    if accepted:
        return f"it does not serve NFS (RPC answer {{accepted}})"
    status, = struct.unpack(">I", reply[24 + verifier + -verifier % 4:][:4])
    return "" if status in (0, 10021) else WORDS.get(status, f"it answers with status {{status}} of NFS")

for share in sys.argv[2:]:
    try:
        found = why(share, int(sys.argv[1]))
    except (OSError, struct.error) as error:
        found = f"it does not answer at port {{sys.argv[1]}}: {{error}}"
    print(share, found, sep="\\t")
print("{END}")
"""
