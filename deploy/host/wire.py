"""The wire: one SSH connection to one node, with its deadlines; the only importer of Fabric and Paramiko.

Fabric opens and authenticates the connection; this package runs commands on channels of its own. Both libraries are
imported at the first connection, because most importers of this module never connect.
"""

from __future__ import annotations

import logging
import re
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.errors import CommandFailed, HostUnreachable
from deploy.host.channel import converse, follow
from deploy.host.result import Result, short
from deploy.interrupt import go_on
from deploy.inventory import Node, Ssh

if TYPE_CHECKING:
    import fabric
    import paramiko

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # its tracebacks; errors are raised as well

VANISHED_AFTER_MS = 10_000
"""The peer counts as gone when data stays unacknowledged for this many ms (TCP_USER_TIMEOUT, tcp(7))."""


class Wire:
    """The connection to one node. The first command opens it, and so does the first command after `close`."""

    def __init__(self, node: Node, ssh: Ssh) -> None:
        self.node, self.ssh = node, ssh
        self.round_trips = 0
        self._connection: fabric.Connection | None = None
        self._lock = threading.Lock()

    def execute(self, command: str, stdin: bytes, timeout: float) -> Result:
        """Run a shell command and return its result.

        Raises HostUnreachable where the connection cannot be opened or is lost, and CommandFailed where the command
        does not end within `timeout` seconds.
        """
        with self._lost(command):
            return self._execute(command, stdin, timeout)

    def follow(self, command: str, take: Callable[[str], object], over: Callable[[], bool], timeout: float) -> None:
        """Run a shell command, and pass each line of its output to `take` until `over`.

        Then, and where this process dies, its stdin ends, at which the command must end; at the latest it is ended
        after `timeout` seconds. Raises CommandFailed where it ends earlier, and HostUnreachable as `execute` does.
        """
        with self._lost(command), closing(self._channel(timeout)) as channel:
            channel.exec_command(f"exec {self._as_root(command, timeout)}")
            self.round_trips += 1
            err = follow(channel, take, over)
            if not over():
                raise CommandFailed(
                    f"{self.node.name}: `{short(command)}` ended by itself",
                    expected="that it runs until it is ended",
                    seen=err.decode(errors="replace").strip()[-500:],
                )

    def close(self) -> None:
        """Close the connection; the next command opens a new one."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _lost(self, command: str) -> Iterator[None]:
        """Turn a lost connection into HostUnreachable, and close it."""
        import paramiko  # noqa: PLC0415 - see the module docstring

        try:
            yield
        except (EOFError, OSError, paramiko.SSHException) as error:
            self.close()
            raise self._unreachable(f"lost during `{short(command)}`", error) from None

    def _execute(self, command: str, stdin: bytes, timeout: float) -> Result:
        deadline = time.monotonic() + timeout
        channel = self._channel(timeout)
        try:
            bounded = self._as_root(command, timeout)
            # The host itself ends stdin, after so many bytes or at once, instead of a shutdown_write() here. By a race
            # in Paramiko that end of input may follow the end of the channel; sshd then drops the whole connection.
            channel.exec_command(f"head -c {len(stdin)} | {bounded}" if stdin else f"exec {bounded} </dev/null")
            self.round_trips += 1
            out, err = converse(channel, stdin, deadline)
            code = channel.recv_exit_status()
        except TimeoutError:
            raise CommandFailed(
                f"{self.node.name}: `{short(command)}` did not end within {timeout:g} s",
                hint="check the host's load and journal, then run the same command again",
            ) from None
        finally:
            channel.close()
        if code < 0:
            raise EOFError("the connection ended before the command did")
        return Result(self.node.name, command, code, out.decode(errors="replace"), err.decode(errors="replace"))

    def _as_root(self, command: str, timeout: float) -> str:
        # `timeout` ends the command on the host even when the runner is gone.
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
        import paramiko  # noqa: PLC0415 - see the module docstring

        address = str(self.node.management)
        connection = self._unopened(address)
        known = self.ssh.known_hosts.expanduser()
        try:
            _demand_known_keys(connection, known)
            _opened(connection)
        except FileNotFoundError as error:
            raise self._unreachable(f"no file {error.filename}", None, hint="correct [ssh] in the inventory") from None
        except paramiko.BadHostKeyException as error:
            ports = {each.host: each.port for each in _way(connection)}
            name = _known_as(error.hostname, ports.get(error.hostname, 22))
            machine = self._jump(name)
            raise self._unreachable(
                f"{machine or 'its'} host key is not the one recorded",
                None,
                hint="if the machine was reinstalled, remove its line: "
                f"ssh-keygen -R {shlex.quote(name)} -f {'~/.ssh/known_hosts' if machine else known}",
            ) from None
        except paramiko.AuthenticationException:
            raise self._unreachable(
                f"it refuses the key of user {self.ssh.user}",
                None,
                hint=f"try: ssh -i {self.ssh.key or '<your key>'} -p {self.ssh.port} {self.ssh.user}@{address}",
            ) from None
        except paramiko.SSHException as error:
            unknown = re.search(r"Server '([^']+)' not found in known_hosts", str(error))
            if unknown and (machine := self._jump(unknown[1])):
                raise self._unreachable(
                    f"{machine} host key is neither in {known} nor in ~/.ssh/known_hosts",
                    None,
                    hint=f"compare the key with that machine's console, then sign in there once by ssh ({unknown[1]})",
                ) from None
            raise self._unreachable(
                f"its host key is not in {known}" if unknown else "no SSH session",
                None if unknown else error,
                hint="compare the key with the machine's console, then: "
                f"ssh-keyscan -p {self.ssh.port} {address} >> {known}"
                if unknown
                else "check sshd on the host",
            ) from None
        except (OSError, EOFError) as error:
            raise self._unreachable("no connection", error) from None
        _notice_a_vanished_peer(connection.transport)
        return connection

    def _jump(self, name: str) -> str:
        """Return words for a machine on the way to the host, by its name in known_hosts; empty for the host itself."""
        return "" if name == _known_as(str(self.node.management), self.ssh.port) else f"the jump host {name}: its"

    def _unopened(self, address: str) -> fabric.Connection:
        import fabric  # noqa: PLC0415 - see the module docstring

        own = self.ssh.key is not None
        return fabric.Connection(
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

    def _unreachable(self, why: str, error: BaseException | None, hint: str = "") -> HostUnreachable:
        return HostUnreachable(
            f"{self.node.name} ({self.node.management}:{self.ssh.port}): {why}",
            expected=f"SSH as {self.ssh.user} within {self.ssh.connect_timeout:g} s",
            seen=f"{type(error).__name__}: {error}" if error else "",
            hint=hint or "check that the machine is on and on the network, then run the same command again",
        )


def first_key(address: str, *, port: int = 22, timeout: float = 10.0) -> str:
    """Return the host key a machine presents, as a line of known_hosts. Trust it only for a machine just created.

    Raises HostUnreachable where no SSH server answers within `timeout` seconds.
    """
    import paramiko  # noqa: PLC0415 - see the module docstring

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
            expected=f"an SSH server within {timeout:g} s",
            seen=f"{type(error).__name__}: {error}",
        ) from None
    return f"{_known_as(address, port)} {key.get_name()} {key.get_base64()}\n"


def _known_as(address: str, port: int) -> str:
    """Return the name of a server in known_hosts (sshd(8))."""
    return address if port == 22 else f"[{address}]:{port}"


def _demand_known_keys(connection: fabric.Connection, known: Path) -> None:
    """Accept only known host keys, of the host and of each jump host on the way (ProxyJump); Fabric accepts any key.

    `known` is for all of them. The keys of jump hosts may also be in the user's own file, where ssh keeps them.
    """
    import paramiko  # noqa: PLC0415 - see the module docstring

    for machine in _way(connection):
        machine.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        machine.client.load_host_keys(str(known))
        if machine is not connection:
            machine.client.load_system_host_keys()


def _way(connection: fabric.Connection) -> Iterator[fabric.Connection]:
    """Yield the connection, and then those to its jump hosts, the nearest to the host first."""
    while connection and not isinstance(connection, str):  # a text is a ProxyCommand
        yield connection
        connection = connection.gateway


def _opened(connection: fabric.Connection) -> None:
    """Open the connection; close it on an error, because a refused attempt keeps its socket and its thread."""
    try:
        connection.open()
    except BaseException:
        connection.client.close()
        raise


def _notice_a_vanished_peer(transport: paramiko.Transport) -> None:
    """Send keepalives, and let the kernel end the connection when they stay unacknowledged; Paramiko never does."""
    transport.set_keepalive(3)
    if isinstance(transport.sock, socket.socket):  # a proxy's channel is not one
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_AFTER_MS)
