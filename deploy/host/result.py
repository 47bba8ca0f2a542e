"""Result of a command on a host, and Reads, the interface of a host that only reads."""

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
    """The exit code and output of a command on a host."""

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
        output = (self.err.strip() or self.out.strip()).splitlines()
        return f"exit code {self.code}: " + " | ".join(output[-6:])


class Reads(ABC):
    """A host that can only be read. Facts need no more, so that checks can be rehearsed without a connection."""

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @abstractmethod
    def run(self, command: str, *arguments: object, stdin: str | bytes = b"", timeout: float | None = None) -> Result:
        """Run a shell command and return its result, whatever its exit code.

        Each `%s` is replaced by a quoted argument. Secrets go through `stdin`, never into the command, which any user
        of the host can read. Raises HostUnreachable where the host does not answer, and CommandFailed where the
        command does not end within `timeout` seconds.
        """

    def check(self, command: str, *arguments: object, stdin: str | bytes = b"", timeout: float | None = None) -> str:
        """Run a command and return its standard output; CommandFailed where its exit code is not 0."""
        result = self.run(command, *arguments, stdin=stdin, timeout=timeout)
        if not result.ok:
            raise CommandFailed(
                f"{self.name}: `{short(result.command)}` failed",
                expected="exit code 0",
                seen=JOURNAL.redact(str(result)),
            )
        return result.out

    def differing(self, files: Iterable[Rendered]) -> list[str]:
        """Return the paths whose content, owner or mode on the host differs, or whose folder's owner or mode does.

        Foreign files in folders that we own whole follow.
        """
        wanted = list(files)
        if not wanted:
            return []
        return host_files.differing(wanted, self.run("exec sh -s", stdin=host_files.read_script(wanted)).out)


def spelled(command: str, arguments: tuple[object, ...]) -> str:
    """Return the command with each `%s` replaced by an argument, quoted for the shell."""
    return command % tuple(shlex.quote(str(argument)) for argument in arguments) if arguments else command


def short(command: str) -> str:
    """Return the command on one line of at most 100 characters, for messages."""
    line = " ".join(command.split())
    return line if len(line) <= 100 else f"{line[:97]}..."
