"""What a command on a host came to, and the reading half of a host."""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from deploy.errors import CommandFailed
from deploy.host import files as host_files
from deploy.inventory import Node
from deploy.journal import JOURNAL
from deploy.render import Rendered


@dataclass(frozen=True)
class Result:
    """What a command on a host came to."""

    host: str
    command: str
    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """True for exit code 0."""
        return self.code == 0

    def __str__(self) -> str:
        said = (self.err.strip() or self.out.strip()).splitlines()
        return f"exit code {self.code}: " + " | ".join(said[-6:])


class Reads(ABC):
    """The reading half of a host: facts take no more, so that readings may come from elsewhere than a connection."""

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @abstractmethod
    def run(self, command: str, *arguments: object, stdin: str | bytes = b"", timeout: float | None = None) -> Result:
        """Run a shell command and return what it came to, whatever its exit code.

        Each `%s` is replaced by a quoted argument. Secrets go through `stdin`, never into the command:
        any user of the host sees commands. Raises HostUnreachable when the host does not answer, and
        CommandFailed when the command does not end within `timeout` seconds.
        """

    def check(self, command: str, *arguments: object, stdin: str | bytes = b"", timeout: float | None = None) -> str:
        """Run a command that must succeed; returns what it printed, or raises CommandFailed."""
        result = self.run(command, *arguments, stdin=stdin, timeout=timeout)
        if not result.ok:
            raise CommandFailed(
                f"{self.name}: `{short(result.command)}` failed",
                expected="exit code 0",
                seen=JOURNAL.redact(str(result)),
            )
        return result.out

    def differing(self, files: Iterable[Rendered]) -> list[str]:
        """The paths whose content, owner or mode on the host, or whose folder's, is not as given.

        Foreign files in folders that are owned whole come after them.
        """
        wanted = list(files)
        if not wanted:
            return []
        return host_files.differing(wanted, self.run("exec sh -s", stdin=host_files.read_script(wanted)).out)


def spelled(command: str, arguments: tuple[object, ...]) -> str:
    """The command with each `%s` replaced by an argument, quoted for the shell."""
    return command % tuple(shlex.quote(str(argument)) for argument in arguments) if arguments else command


def short(command: str) -> str:
    """The command on one line of at most 100 characters, for people."""
    line = " ".join(command.split())
    return line if len(line) <= 100 else f"{line[:97]}..."
