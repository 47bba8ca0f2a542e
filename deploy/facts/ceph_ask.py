"""Questions to Ceph on a storage node: to the monitors, or to one daemon of the host by its socket.

Ceph's own command takes half a second of processor time for each question; this takes a tenth of that.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.host import Reads

SECONDS = 10
"""How long a connection, and each answer, may take. Ceph itself would wait for ever for monitors."""

# A daemon's socket takes JSON that ends with a zero byte, and answers with its length in four bytes before it.
_SCRIPT = f"""\
import json, socket, sys
def local(daemon, command):
    with socket.socket(socket.AF_UNIX) as to:
        to.settimeout({SECONDS})
        to.connect("/run/ceph/ceph-" + daemon + ".asok")
        to.sendall(json.dumps(command).encode() + b"\\0")
        with to.makefile("rb") as said:
            return 0, said.read(int.from_bytes(said.read(4), "big")), ""
def cluster():
    import rados
    found = rados.Rados(conffile="/etc/ceph/ceph.conf", conf={{"rados_mon_op_timeout": "{SECONDS}"}})
    found.connect(timeout={SECONDS})
    return found
to = None
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if asked["daemon"]:
            code, out, err = local(asked["daemon"], asked["command"])
        else:
            to = to or cluster()
            code, out, err = to.mon_command(json.dumps(asked["command"]), asked["given"].encode())
        print(json.dumps([code, out.decode(), err]), flush=True)
    except Exception as error:
        print(json.dumps([1, "", type(error).__name__ + ": " + str(error)]), flush=True)
"""
_COMMAND = "timeout 120 python3 -c %s"


@dataclass(frozen=True)
class Question:
    """One command by its name and arguments, as the monitors' manual page lists them."""

    prefix: str
    arguments: tuple[tuple[str, Any], ...] = ()
    daemon: str = ""
    """A daemon of the host, such as `osd.0`; empty: the monitors."""
    given: str = ""
    """Its input, such as keys."""

    @classmethod
    def of(cls, prefix: str, *, daemon: str = "", given: str = "", **arguments: Any) -> "Question":
        """Return the question with these arguments."""
        return cls(prefix, tuple(arguments.items()), daemon, given)

    @property
    def line(self) -> str:
        """The question for the script: JSON on one line."""
        command = {"prefix": self.prefix, "format": "json", **dict(self.arguments)}
        return json.dumps({"command": command, "daemon": self.daemon, "given": self.given}) + "\n"


@dataclass(frozen=True)
class Said:
    """One answer: 0 for success, the text that the command prints, and its message."""

    code: int = 1
    out: str = ""
    message: str = "no answer"


def ask(host: Reads, *questions: Question) -> list[Said]:
    """Ask one after the other, all in one round trip; an answer without success where there is none."""
    stdin = "".join(question.line for question in questions)
    lines = host.run(_COMMAND, _SCRIPT, stdin=stdin, timeout=130 if len(questions) > 3 else 50).out.splitlines()
    found = [parse(line) for line in lines[: len(questions)]]
    return [*found, *[Said()] * (len(questions) - len(found))]


def answer(host: Reads, prefix: str, *, daemon: str = "") -> str:
    """Return what one command prints; empty without success."""
    (said,) = ask(host, Question.of(prefix, daemon=daemon))
    return said.out if said.code == 0 else ""


def parse(line: str) -> Said:
    """Parse one line of the script; Said() where it is something else."""
    try:
        code, out, message = json.loads(line)
        return Said(int(code), str(out), str(message))
    except (ValueError, TypeError):
        return Said()


def objects(text: str) -> Mapping[str, Any]:
    """Return the object that a command printed as JSON; empty where the text is something else."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
