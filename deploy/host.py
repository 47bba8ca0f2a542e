"""Host: one node reached over SSH. The only importer of Fabric, and the owner of every deadline.

Fabric opens and authenticates the connection; commands run on channels of our own, because Invoke
feeds a command's stdin one byte at a time and has no deadline that survives a vanished peer. Both libraries are
loaded by the first connection: most of what imports this module opens none.
"""

from __future__ import annotations

import hashlib
import io
import logging
import select
import shlex
import socket
import tarfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as FutureTimeout
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from deploy.errors import CommandFailed, HostUnreachable, StackproofError
from deploy.interrupt import go_on, stop_for
from deploy.inventory import Node, Ssh
from deploy.journal import JOURNAL
from deploy.platforms import PackageManager
from deploy.render import Rendered

if TYPE_CHECKING:
    import fabric
    import paramiko

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # tracebacks; what matters of them is raised as well

T = TypeVar("T")

STATE = "/var/lib/stackproof"
"""What we keep on a host: markers of units whose files changed and which have not restarted yet."""

WROTE = "wrote"
"""How a change that replaced a file begins; whoever tells a person may count these instead of listing them."""

VANISHED_AFTER_MS = 10_000
"""Unacknowledged data for this long means that the peer is gone (TCP_USER_TIMEOUT; tcp(7))."""


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
                f"{self.name}: `{_short(result.command)}` failed",
                expected="exit code 0",
                seen=JOURNAL.redact(str(result)),
            )
        return result.out

    def differing(self, files: Iterable[Rendered]) -> list[str]:
        """The paths whose content, owner or mode on the host, or whose folder's, is not as given."""
        wanted = {file.path: file for file in files}
        if not wanted:
            return []
        out = self.run("exec sh -s", stdin=_READ + " ".join(shlex.quote(path) for path in wanted) + "\n").out
        seen = dict(line.split(" ", 1) for line in out.splitlines())
        return [path for path, file in wanted.items() if not _is_as(file, seen.get(path, ""))]


class Host(Reads):
    """One node over SSH: `run check differing reachable` only read, the other verbs change and are journalled."""

    def __init__(self, node: Node, ssh: Ssh, manager: PackageManager | None = None) -> None:
        super().__init__(node)
        self.ssh, self._manager = ssh, manager
        self.round_trips = 0
        self._connection: fabric.Connection | None = None
        self._lock = threading.Lock()
        self._installing = threading.Lock()

    def __repr__(self) -> str:
        return f"Host({self.name})"

    # -- reading ---------------------------------------------------------------------------------

    def run(self, command: str, *arguments: object, stdin: str | bytes = b"", timeout: float | None = None) -> Result:
        """As told in Reads."""
        import paramiko  # noqa: PLC0415 - see above

        text = spelled(command, arguments)
        limit = timeout or self.ssh.command_timeout
        data = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            return self._execute(text, data, limit)
        except (EOFError, OSError, paramiko.SSHException) as error:
            self.disconnect()
            raise self._unreachable(f"lost during `{_short(text)}`", error) from None

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

    def put(self, files: Iterable[Rendered]) -> list[str]:
        """Make those files what they must be; returns the paths that were not.

        Before a file is replaced, a marker is left for each unit that reads it, so that a run killed
        between the file and the restart is finished by the next.
        """
        wanted = {file.path: file for file in files}
        differing = [wanted[path] for path in self.differing(wanted.values())]
        if not differing:
            return []
        markers = sorted({unit for file in differing for unit in file.units})
        script = _PUT.format(
            state=STATE,
            markers=" ".join(shlex.quote(f"{STATE}/pending/{unit}") for unit in markers),
            paths=" ".join(shlex.quote(file.path) for file in differing),
            folders=_folders(differing),
            reload="systemctl daemon-reload" if any("/systemd/system/" in f.path for f in differing) else ":",
        )
        result = self.run(script, stdin=_archive(differing))
        if not result.ok:
            raise CommandFailed(
                f"{self.name}: files could not be written",
                expected=", ".join(file.path for file in differing),
                seen=str(result),
                hint="look at the host's disk (df -h) and at the rights of the SSH user",
            )
        for file in differing:
            self.changed(f"{WROTE} {file.path}")
        return [file.path for file in differing]

    # -- the connection --------------------------------------------------------------------------

    def disconnect(self) -> None:
        """Drop the connection; the next command opens a new one (a rebooted host needs that)."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _execute(self, command: str, stdin: bytes, timeout: float) -> Result:
        deadline = time.monotonic() + timeout
        channel = self._channel(timeout)
        try:
            asked = self._as_root(command, timeout)
            # Not an end of input sent by us: a command that has ended by then would meet it after its channel's own
            # end, by a race in Paramiko, and for that sshd drops the whole connection.
            channel.exec_command(asked if stdin else f"exec {asked} </dev/null")
            self.round_trips += 1
            out, err = _converse(channel, stdin, deadline)
            code = channel.recv_exit_status()
        except TimeoutError:
            raise CommandFailed(
                f"{self.name}: `{_short(command)}` did not end within {timeout:g} s",
                hint="look at the host's load and journal, then run the same command again",
            ) from None
        finally:
            channel.close()
        if code < 0:
            raise EOFError("the connection ended before the command did")
        return Result(self.name, command, code, out.decode(errors="replace"), err.decode(errors="replace"))

    def _as_root(self, command: str, timeout: float) -> str:
        # The host ends what we no longer wait for, also when the runner is gone.
        bounded = f"timeout -k 5 {timeout + 5:.0f} sh -c {shlex.quote(command)}"
        return f"sudo -n -- {bounded}" if self.ssh.sudo else bounded

    def _channel(self, timeout: float) -> paramiko.Channel:
        connection = self._open()
        transport = connection.transport
        channel: paramiko.Channel = transport.open_session(timeout=min(timeout, self.ssh.connect_timeout))
        return channel

    def _open(self) -> fabric.Connection:
        go_on()
        with self._lock:
            if self._connection is None or not self._connection.is_connected:
                self._connection = self._connect()
            return self._connection

    def _connect(self) -> fabric.Connection:
        import fabric  # noqa: PLC0415 - see above
        import paramiko  # noqa: PLC0415

        address = str(self.node.management)
        own = self.ssh.key is not None
        connection = fabric.Connection(
            address,
            user=self.ssh.user,
            port=self.ssh.port,
            connect_timeout=int(self.ssh.connect_timeout),
            config=fabric.Config(overrides={"load_ssh_configs": not own}),
            connect_kwargs={
                "channel_timeout": self.ssh.connect_timeout,
                "banner_timeout": self.ssh.connect_timeout,
                "auth_timeout": self.ssh.connect_timeout,
                "allow_agent": not own,
                "look_for_keys": not own,
                **({"key_filename": str(self.ssh.key.expanduser())} if self.ssh.key else {}),
            },
        )
        known = self.ssh.known_hosts.expanduser()
        try:
            # Fabric accepts any host key by default; ours must be known.
            connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            connection.client.load_host_keys(str(known))
            _opened(connection)
        except FileNotFoundError as error:
            raise self._unreachable(f"no file {error.filename}", None, hint="see [ssh] in the inventory") from None
        except paramiko.BadHostKeyException:
            raise self._unreachable(
                "its host key is not the one recorded",
                None,
                hint="if the machine was reinstalled, remove its line: "
                f"ssh-keygen -R {shlex.quote(_known_as(address, self.ssh.port))} -f {known}",
            ) from None
        except paramiko.AuthenticationException:
            raise self._unreachable(
                f"it refuses the key of user {self.ssh.user}",
                None,
                hint=f"try: ssh -i {self.ssh.key or '<your key>'} -p {self.ssh.port} {self.ssh.user}@{address}",
            ) from None
        except paramiko.SSHException as error:
            unknown = "not found in known_hosts" in str(error)
            raise self._unreachable(
                f"its host key is not in {known}" if unknown else "no SSH session",
                None if unknown else error,
                hint="compare the key with the machine's console, then: "
                f"ssh-keyscan -p {self.ssh.port} {address} >> {known}"
                if unknown
                else "look at sshd on the host",
            ) from None
        except (OSError, EOFError) as error:
            raise self._unreachable("no connection", error) from None
        _notice_a_vanished_peer(connection.transport)
        return connection

    def _unreachable(self, why: str, error: BaseException | None, hint: str = "") -> HostUnreachable:
        return HostUnreachable(
            f"{self.name} ({self.node.management}:{self.ssh.port}): {why}",
            expected=f"SSH as {self.ssh.user} within {self.ssh.connect_timeout:g} s",
            seen=f"{type(error).__name__}: {error}" if error else "",
            hint=hint or "check that the machine is on and on the network, then run the same command again",
        )

    @property
    def _packages(self) -> PackageManager:
        if self._manager is None:
            raise StackproofError(f"{self.name}: no platform is known for it, so nothing can be installed")
        return self._manager

    def _ask(self, script: str, packages: list[str], timeout: float) -> Result:
        return self.run("exec sh -s -- " + " ".join(map(shlex.quote, packages)), stdin=script, timeout=timeout)

    def _install(self, packages: list[str], timeout: float) -> None:
        result = self._ask(self._packages.install, packages, timeout)
        if not result.ok:
            raise CommandFailed(
                f"{self.name}: packages could not be installed: {' '.join(packages)}",
                expected="the package manager ends with 0",
                seen=str(result),
                hint="a name that is not found is a wrong platform or package source; a full disk or a lock of "
                "another package manager are told above",
            )


class Hosts(Mapping[str, Host]):
    """Several hosts, in inventory order. Work on them runs in parallel, with a deadline and results kept apart."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._hosts = {host.name: host for host in hosts}

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    @property
    def first(self) -> Host:
        """The first in inventory order."""
        return next(iter(self._hosts.values()))

    def role(self, *roles: str) -> Hosts:
        """Those whose node carries any of the roles."""
        return Hosts(host for host in self._hosts.values() if set(roles) & set(host.node.roles))

    def without(self, *names: str) -> Hosts:
        """All but those."""
        return Hosts(host for host in self._hosts.values() if host.name not in names)

    def each(self, work: Callable[[Host], T], *, timeout: float = 1800) -> dict[str, T]:
        """Do `work` on all at once; returns the results by name, or raises one error naming every host that failed."""
        if not self._hosts:
            return {}
        pool = ThreadPoolExecutor(len(self._hosts), thread_name_prefix="host")
        # Each thread gets the caller's context, so that events know the step they belong to.
        futures = {pool.submit(copy_context().run, work, host): host for host in self._hosts.values()}
        results: dict[str, T] = {}
        failures: dict[str, StackproofError] = {}
        try:
            for future in as_completed(futures, timeout=timeout):
                try:
                    results[futures[future].name] = future.result()
                except StackproofError as error:
                    failures[futures[future].name] = error
        except FutureTimeout:
            late = [host.name for future, host in futures.items() if not future.done()]
            failures.update({name: CommandFailed(f"{name}: not done within {timeout:g} s") for name in late})
        except BaseException as error:
            stop_for(error)
            self.disconnect()  # what still runs in other threads ends with its connection
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        _raise(failures)
        return {name: results[name] for name in self._hosts}

    def disconnect(self) -> None:
        """Drop every connection."""
        for host in self._hosts.values():
            host.disconnect()


def spelled(command: str, arguments: tuple[object, ...]) -> str:
    """The command with each `%s` replaced by an argument, quoted for the shell."""
    return command % tuple(shlex.quote(str(argument)) for argument in arguments) if arguments else command


def first_key(address: str, *, port: int = 22, timeout: float = 10.0) -> str:
    """The host key a machine shows, as a known_hosts line; only for one made a moment ago, such as an instance.

    Raises HostUnreachable when no SSH server answers within `timeout` seconds.
    """
    import paramiko  # noqa: PLC0415 - see above

    try:
        with socket.create_connection((address, port), timeout=timeout) as connection:
            transport = paramiko.Transport(connection)
            try:
                transport.start_client(timeout=timeout)
                key = transport.get_remote_server_key()
            finally:
                transport.close()
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise HostUnreachable(
            f"{address}:{port}: no SSH server",
            expected=f"one within {timeout:g} s",
            seen=f"{type(error).__name__}: {error}",
        ) from None
    return f"{_known_as(address, port)} {key.get_name()} {key.get_base64()}\n"


def _known_as(address: str, port: int) -> str:
    """How known_hosts calls a server (sshd(8))."""
    return address if port == 22 else f"[{address}]:{port}"


def _raise(failures: dict[str, StackproofError]) -> None:
    if len(failures) == 1:
        raise next(iter(failures.values()))
    if failures:
        first = next(iter(failures.values()))
        listed = "".join(f"\n  {str(error).replace(chr(10), chr(10) + '  ')}" for error in failures.values())
        raise type(first)(f"{len(failures)} hosts failed: {', '.join(failures)}{listed}")


def _opened(connection: fabric.Connection) -> None:
    """Open it; an attempt that is refused would otherwise keep its socket and its thread."""
    try:
        connection.open()
    except BaseException:
        connection.client.close()
        raise


def _notice_a_vanished_peer(transport: paramiko.Transport) -> None:
    """Paramiko's keepalive alone never gives up; unacknowledged, it lets the kernel end the connection."""
    transport.set_keepalive(3)
    if isinstance(transport.sock, socket.socket):  # a proxy's channel is not one
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_AFTER_MS)


def _converse(channel: paramiko.Channel, stdin: bytes, deadline: float) -> tuple[bytes, bytes]:
    """Send stdin while reading both outputs, until the command ends or the deadline passes."""
    out, err, sent = bytearray(), bytearray(), 0
    channel.setblocking(False)
    while True:
        sent, progress = _send(channel, stdin, sent)
        progress |= _drain(channel, out, err)
        if channel.closed or (channel.eof_received and channel.exit_status_ready()):
            _drain(channel, out, err)
            return bytes(out), bytes(err)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not progress:
            # The channel is readable at output and at its end; room to send and the exit status are not told.
            waiting = 0.02 if sent < len(stdin) or channel.eof_received else 0.5
            select.select([channel], [], [], min(waiting, left))


def _send(channel: paramiko.Channel, stdin: bytes, sent: int) -> tuple[int, bool]:
    if sent >= len(stdin) or not channel.send_ready():
        return sent, False
    try:
        sent += channel.send(stdin[sent : sent + 32768])
        if sent >= len(stdin) and not channel.closed:
            channel.shutdown_write()
    except OSError:
        if not channel.closed:
            raise
        return len(stdin), False  # it has ended without reading that; what it ended with tells whether it is lost
    return sent, True


def _drain(channel: paramiko.Channel, out: bytearray, err: bytearray) -> bool:
    before = len(out) + len(err)
    while channel.recv_ready():
        out += channel.recv(65536)
    while channel.recv_stderr_ready():
        err += channel.recv_stderr(65536)
    return len(out) + len(err) > before


def _short(command: str) -> str:
    line = " ".join(command.split())
    return line if len(line) <= 100 else f"{line[:97]}..."


def _is_as(file: Rendered, told: str) -> bool:
    """What `_READ` tells of a file is what it must be."""
    wanted = f"{hashlib.sha256(file.text.encode()).hexdigest()} {file.owner} {file.mode.lstrip('0')} "
    return told == f"{wanted}{file.owner} {file.folder.lstrip('0')}" if file.folder else told.startswith(wanted)


def _folders(files: Iterable[Rendered]) -> str:
    wanted = sorted({(file.path.rpartition("/")[0], file.owner, file.folder) for file in files if file.folder})
    lines = (f"chown {owner} {shlex.quote(path)}; chmod {mode} {shlex.quote(path)}" for path, owner, mode in wanted)
    return "\n".join(lines) or ":"


def _archive(files: Iterable[Rendered]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            data = file.text.encode()
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.size, entry.mode, entry.mtime = len(data), int(file.mode, 8), int(time.time())
            entry.uname, entry.gname = file.owner.split(":")
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


_READ = """
show() { for p in "$@"; do
  [ -f "$p" ] || continue
  h=$(sha256sum < "$p") && s=$(stat -c '%U:%G %a' "$p" "${p%/*}") && echo "$p" "${h%% *}" $s
done; }
show """

# Each file is unpacked beside the state and moved into place, so no reader ever meets half of one.
_PUT = """set -eu
mkdir -p {state}/pending
in=$(mktemp -d {state}/incoming.XXXXXX)
trap 'rm -rf "$in"' EXIT
tar -xp -C "$in"
for marker in {markers}; do : > "$marker"; done
for path in {paths}; do mkdir -p "${{path%/*}}"; done
{folders}
for path in {paths}; do mv -f "$in$path" "$path"; done
{reload}
"""
