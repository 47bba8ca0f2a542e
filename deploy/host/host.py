"""Host: one node reached over SSH."""

import shlex
import threading
from collections.abc import Iterable

from deploy.errors import CommandFailed, StackproofError
from deploy.host.files import archive, put_script, users
from deploy.host.result import Reads, Result, spelled
from deploy.host.wire import Wire
from deploy.inventory import Node, Ssh
from deploy.journal import JOURNAL
from deploy.platforms import PackageManager
from deploy.render import Rendered

WROTE = "wrote"
"""How a change that replaced a file begins; whoever tells a person may count these instead of listing them."""


class Host(Reads):
    """One node over SSH: `run check differing reachable` only read, the other verbs change and are journalled."""

    def __init__(self, node: Node, ssh: Ssh, manager: PackageManager | None = None) -> None:
        super().__init__(node)
        self.ssh, self._manager = ssh, manager
        self._wire = Wire(node, ssh)
        self._installing = threading.Lock()

    def __repr__(self) -> str:
        return f"Host({self.name})"

    # -- reading ---------------------------------------------------------------------------------

    def run(self, command: str, *arguments: object, stdin: str | bytes = b"", timeout: float | None = None) -> Result:
        """As told in Reads."""
        text = spelled(command, arguments)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return self._execute(text, data, timeout or self.ssh.command_timeout)

    def _execute(self, command: str, stdin: bytes, timeout: float) -> Result:
        return self._wire.execute(command, stdin, timeout)

    def script(self, text: str, *, timeout: float | None = None) -> str:
        """Run a shell script that must succeed. It travels on stdin, so it may hold secrets."""
        result = self.run("exec sh -eu -s", stdin=text, timeout=timeout)
        if not result.ok:
            raise CommandFailed(
                f"{self.name}: a script failed", expected="exit code 0", seen=JOURNAL.redact(str(result))
            )
        return result.out

    def reachable(self) -> bool:
        """True when the host runs a command for us within the connect deadline."""
        try:
            return self.run("true", timeout=self.ssh.connect_timeout).ok
        except StackproofError:
            return False

    # -- changing --------------------------------------------------------------------------------

    def changed(self, what: str) -> None:
        """Put a change that was made on this host into the journal."""
        JOURNAL.emit("change", what, host=self.name)

    def change(self, what: str, script: str, *, timeout: float | None = None) -> str:
        """Run a script that alters the host, and journal it as `what`."""
        out = self.script(script, timeout=timeout)
        self.changed(what)
        return out

    def install(self, packages: Iterable[str], *, timeout: float = 1200) -> list[str]:
        """Install those packages that are missing, none of them started; returns which."""
        wanted = sorted(set(packages))
        if not wanted:
            return []
        with self._installing:  # steps run side by side, a package manager does not
            missing = self.missing(wanted)
            if missing:
                JOURNAL.emit("note", f"installing {len(missing)} packages ...", host=self.name)
                self._install(missing, timeout)
                self.changed(f"installed {' '.join(missing)}")
        return missing

    def missing(self, packages: Iterable[str]) -> list[str]:
        """Those of the packages that are not installed. Reads only."""
        wanted = sorted(set(packages))
        there = set(self._ask(self._packages.installed, wanted, 60).out.split())
        return [package for package in wanted if package not in there]

    def version(self, package: str) -> str:
        """The version of an installed package. CommandFailed where it is not installed."""
        return self.check("exec sh -s -- %s", package, stdin=self._packages.version, timeout=60).strip()

    def put(self, files: Iterable[Rendered]) -> list[str]:
        """Make those files what they must be; returns the paths that were not, and those of files that were removed.

        A foreign file is removed from a folder that is owned whole, so all files of such a folder are put together.
        Before a file is replaced or removed, a marker is left for each unit that reads it, so that a run killed
        between the file and the restart is finished by the next.
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
                hint="look at the host's disk (df -h) and at the rights of the SSH user",
            )
        for file in differing:
            self.changed(f"{WROTE} {file.path}")
        for path in foreign:
            self.changed(f"removed {path}")
        return paths

    # -- the connection --------------------------------------------------------------------------

    def disconnect(self) -> None:
        """Drop the connection; the next command opens a new one (a rebooted host needs that)."""
        self._wire.close()

    @property
    def round_trips(self) -> int:
        """Commands that were sent since the host was made."""
        return self._wire.round_trips

    @property
    def _packages(self) -> PackageManager:
        if self._manager is None:
            raise StackproofError(f"{self.name}: no platform is known for it, so nothing can be installed")
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
                expected="the package manager ends with 0",
                seen=str(result),
                hint="a name that is not found is a wrong platform or package source; a full disk, or who holds a "
                "lock of the package manager, is told above",
            )
