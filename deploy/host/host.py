"""Host: one node over SSH, with verbs that read and verbs that change and are journalled."""

import shlex
import threading
from collections.abc import Callable, Iterable

from deploy.errors import CommandFailed, StackproofError
from deploy.host.files import archive, put_script, users
from deploy.host.result import Reads, Result, spelled
from deploy.host.wire import Wire
from deploy.inventory import Node, Ssh
from deploy.journal import JOURNAL
from deploy.platforms import PackageManager
from deploy.render import Rendered

WROTE = "wrote"
"""First word of a change that replaced a file; reports may count these changes instead of listing them."""


class Host(Reads):
    """One node over SSH. `run check follow differing reachable` only read; other verbs change and are journalled."""

    def __init__(self, node: Node, ssh: Ssh, manager: PackageManager | None = None) -> None:
        super().__init__(node)
        self.ssh, self._manager = ssh, manager
        self._wire = Wire(node, ssh)
        self._installing = threading.Lock()

    def __repr__(self) -> str:
        return f"Host({self.name})"

    # -- reading ---------------------------------------------------------------------------------

    def run(self, command: str, *arguments: object, stdin: str | bytes = b"", timeout: float | None = None) -> Result:
        """Run a shell command; see `Reads.run`."""
        text = spelled(command, arguments)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return self._execute(text, data, timeout or self.ssh.command_timeout)

    def _execute(self, command: str, stdin: bytes, timeout: float) -> Result:
        return self._wire.execute(command, stdin, timeout)

    def follow(
        self, command: str, *arguments: object, take: Callable[[str], object], over: Callable[[], bool], timeout: float
    ) -> None:
        """Run a shell command that ends with its stdin, and pass each line of its output to `take` until `over`.

        Raises CommandFailed where it ends earlier, such as after `timeout` seconds, and HostUnreachable as `run` does.
        """
        self._wire.follow(spelled(command, arguments), take, over, timeout)

    def script(self, text: str, *, timeout: float | None = None) -> str:
        """Run a shell script on stdin, so that it may hold secrets; return its output, CommandFailed if it fails."""
        result = self.run("exec sh -eu -s", stdin=text, timeout=timeout)
        if not result.ok:
            raise CommandFailed(
                f"{self.name}: a script failed", expected="exit code 0", seen=JOURNAL.redact(str(result))
            )
        return result.out

    def reachable(self) -> bool:
        """True where the host runs a command within the connect deadline."""
        try:
            return self.run("true", timeout=self.ssh.connect_timeout).ok
        except StackproofError:
            return False

    # -- changing --------------------------------------------------------------------------------

    def changed(self, what: str) -> None:
        """Journal a change that was made on this host."""
        JOURNAL.emit("change", what, host=self.name)

    def change(self, what: str, script: str, *, timeout: float | None = None) -> str:
        """Run a script that changes the host, journal it as `what`, and return its output."""
        out = self.script(script, timeout=timeout)
        self.changed(what)
        return out

    def install(self, packages: Iterable[str], *, timeout: float = 1200) -> list[str]:
        """Install the missing packages without starting their services; return their names."""
        wanted = sorted(set(packages))
        if not wanted:
            return []
        with self._installing:  # steps run in parallel, a package manager does not
            missing = self.missing(wanted)
            if missing:
                JOURNAL.emit("note", f"installing {len(missing)} packages ...", host=self.name)
                self._install(missing, timeout)
                self.changed(f"installed {' '.join(missing)}")
        return missing

    def missing(self, packages: Iterable[str]) -> list[str]:
        """Return the packages that are not installed. Reads only."""
        wanted = sorted(set(packages))
        there = set(self._ask(self._packages.installed, wanted, 60).out.split())
        return [package for package in wanted if package not in there]

    def version(self, package: str) -> str:
        """Return the version of an installed package; CommandFailed where it is not installed."""
        return self.check("exec sh -s -- %s", package, stdin=self._packages.version, timeout=60).strip()

    def put(self, files: Iterable[Rendered]) -> list[str]:
        """Write the files that differ, and remove foreign files; return the paths of both.

        A foreign file is removed from a folder that we own whole, so one call must pass all files of such a folder.
        A marker is written for each unit that reads a file before the file is replaced or removed. A run that was
        killed between the file and the restart is completed by the next run.
        """
        wanted = {file.path: file for file in files}
        paths = self.differing(wanted.values())
        if not paths:
            return []
        differing = [wanted[path] for path in paths if path in wanted]
        foreign = [path for path in paths if path not in wanted]
        script = put_script(differing, foreign, users(wanted.values(), foreign))
        result = self.run(script, stdin=archive(differing))
        if not result.ok:
            raise CommandFailed(
                f"{self.name}: files could not be written",
                expected=", ".join([*(file.path for file in differing), *(f"no {path}" for path in foreign)]),
                seen=str(result),
                hint="check the host's disk (df -h) and the rights of the SSH user",
            )
        for file in differing:
            self.changed(f"{WROTE} {file.path}")
        for path in foreign:
            self.changed(f"removed {path}")
        return paths

    # -- the connection --------------------------------------------------------------------------

    def disconnect(self) -> None:
        """Close the connection; the next command opens a new one, which a rebooted host needs."""
        self._wire.close()

    @property
    def round_trips(self) -> int:
        """Number of commands sent since this object was created."""
        return self._wire.round_trips

    @property
    def _packages(self) -> PackageManager:
        if self._manager is None:
            raise StackproofError(f"{self.name}: no platform is known for this host, so nothing can be installed")
        return self._manager

    def _ask(self, script: str, packages: list[str], timeout: float) -> Result:
        return self.run("exec sh -s -- " + " ".join(map(shlex.quote, packages)), stdin=script, timeout=timeout)

    def _install(self, packages: list[str], timeout: float) -> None:
        for holder in self._ask(f"{self._packages.locks}holders\n", [], 60).out.splitlines():
            JOURNAL.emit("note", f"waiting: {holder}", host=self.name)
        result = self._ask(self._packages.locks + self._packages.install, packages, timeout)
        if not result.ok:
            raise CommandFailed(
                f"{self.name}: packages could not be installed: {' '.join(packages)}",
                expected="exit code 0 of the package manager",
                seen=str(result),
                hint="an unknown name means a wrong platform or package source; the output above shows a full disk "
                "or the holder of a package manager's lock",
            )
