"""Host, without a real host: commands sent, files compared, errors, and deadlines."""

import hashlib
import io
import logging
import shlex
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from deploy.errors import CommandFailed, HostUnreachable, Interrupted, StackproofError
from deploy.host import Host, Hosts, Result, first_key
from deploy.host.files import archive, is_as
from deploy.host.result import short
from deploy.host.wire import Wire
from deploy.interrupt import STOP
from deploy.inventory import Node, Ssh
from deploy.journal import JOURNAL
from deploy.render import Rendered

LOCAL = {"management": IPv4Address("127.0.0.1")}


def node(name: str = "controller01", *roles: str) -> Node:
    return Node(name, roles or ("controller",), LOCAL)


class RecordingHost(Host):
    """A host that records commands instead of running them, and returns a given result."""

    def __init__(self, answer: Result | None = None) -> None:
        super().__init__(node(), Ssh())
        self.answer = answer or Result("controller01", "command", 0, "", "")
        self.sent: list[tuple[str, bytes, float]] = []

    def _execute(self, command: str, stdin: bytes, timeout: float) -> Result:
        self.sent.append((command, stdin, timeout))
        return self.answer


# -- what is sent ------------------------------------------------------------------------------------


def test_arguments_are_quoted():
    host = RecordingHost()
    host.run("rm %s %s", "a b; reboot", Path("/x/$HOME"))
    assert shlex.split(host.sent[0][0]) == ["rm", "a b; reboot", "/x/$HOME"]


def test_a_command_without_arguments_is_sent_as_it_is():
    host = RecordingHost()
    host.run("date +%s")
    assert host.sent[0][0] == "date +%s"


def test_text_for_stdin_travels_as_utf8():
    host = RecordingHost()
    host.run("cat", stdin="grüß")
    assert host.sent[0][1] == "grüß".encode()


def test_a_script_travels_on_stdin_and_ends_at_its_first_error():
    host = RecordingHost()
    host.script("echo secret")
    assert host.sent[0][:2] == ("exec sh -eu -s", b"echo secret")


def test_a_command_has_the_inventory_s_deadline_by_default():
    host = RecordingHost()
    host.run("true")
    host.run("true", timeout=5)
    assert [timeout for _, _, timeout in host.sent] == [Ssh().command_timeout, 5]


@pytest.mark.parametrize(("sudo", "begin"), [(False, "timeout"), (True, "sudo -n -- timeout")])
def test_the_host_ends_a_command_past_its_deadline(sudo, begin):
    wire = Wire(node(), Ssh(sudo=sudo))
    assert wire._as_root("echo a b", 60) == f"{begin} -k 5 65 sh -c 'echo a b'"


# -- what comes back ---------------------------------------------------------------------------------

FAILED = Result("controller01", "command", 3, "out", "\n".join(f"line {number}" for number in range(9)))


def test_a_failed_command_is_reported_with_its_last_lines():
    with pytest.raises(CommandFailed, match="controller01: `command` failed") as caught:
        RecordingHost(FAILED).check("command")
    assert caught.value.seen == "exit code 3: line 3 | line 4 | line 5 | line 6 | line 7 | line 8"


def test_running_a_command_that_fails_is_no_error():
    assert RecordingHost(FAILED).run("command").code == 3


@pytest.mark.parametrize("verb", ["check", "script"])
def test_secrets_in_a_failed_command_s_output_are_masked(monkeypatch, verb):
    monkeypatch.setattr(JOURNAL, "redact", lambda text: text.replace("hunter2", "***"))
    with pytest.raises(CommandFailed) as caught:
        getattr(RecordingHost(Result("c", "c", 1, "", "wrong password hunter2")), verb)("true")
    assert "hunter2" not in str(caught.value)


def test_a_change_is_journalled_only_after_it_succeeded(events):
    RecordingHost().change("did it", "true")
    with pytest.raises(CommandFailed):
        RecordingHost(FAILED).change("did not", "false")
    assert [(event.kind, event.text, event.host) for event in events] == [("change", "did it", "controller01")]


def test_long_commands_are_shortened():
    assert short("a  \n b") == "a b"
    assert short("x" * 101) == "x" * 97 + "..."
    assert len(short("x" * 100)) == 100


def test_installing_without_a_platform_is_an_error():
    with pytest.raises(StackproofError, match="controller01: no platform is known"):
        RecordingHost().install(["vim"])


def test_installing_nothing_runs_no_command():
    host = RecordingHost()
    assert host.install([]) == []
    assert host.sent == []


# -- files ---------------------------------------------------------------------------------------------

FILE = Rendered("/etc/nova/nova.conf", "text ü\n", "root:nova", "0640", ("nova-api",))
DESCRIBED = f"{hashlib.sha256(FILE.text.encode()).hexdigest()} root:nova 640 root:root 755"


def test_a_file_is_compared_by_content_owner_and_mode():
    assert is_as(FILE, DESCRIBED)
    assert not is_as(FILE, DESCRIBED.replace("640", "644"))
    assert not is_as(FILE, "")


def test_a_file_s_own_folder_is_compared_too():
    own = replace(FILE, folder="0750")
    assert not is_as(own, DESCRIBED)
    assert is_as(own, DESCRIBED.replace("root:root 755", "root:nova 750"))


def test_an_archive_carries_content_owner_and_mode_below_its_root():
    with tarfile.open(fileobj=io.BytesIO(archive([FILE]))) as sent:
        (entry,) = sent.getmembers()
        content = sent.extractfile(entry).read()
    assert entry.name == "etc/nova/.nova.conf.stackproof-new"  # beside the old one, until all files are there
    assert (entry.uname, entry.gname, entry.mode) == ("root", "nova", 0o640)
    assert content == "text ü\n".encode()


def test_files_that_do_not_differ_are_not_sent(events):
    host = RecordingHost(Result("c", "c", 0, f"{FILE.path} {DESCRIBED}\n", ""))
    assert host.put([FILE]) == []
    assert len(host.sent) == 1
    assert events == []


def test_putting_no_files_runs_no_command():
    host = RecordingHost()
    assert host.put([]) == []
    assert host.differing([]) == []
    assert host.sent == []


def test_systemd_reloads_for_changed_units_only():
    unit = Rendered("/etc/systemd/system/x.service", "x", "root:root", "0644", ("x",))
    for file, reloads in ((FILE, False), (unit, True)):
        host = RecordingHost()
        host.put([file])
        assert ("systemctl daemon-reload" in host.sent[-1][0]) == reloads


# -- several hosts -----------------------------------------------------------------------------------


@pytest.fixture
def hosts() -> Hosts:
    return Hosts(
        Host(node(name, role), Ssh()) for name, role in [("c1", "controller"), ("c2", "controller"), ("w1", "compute")]
    )


def test_hosts_are_found_by_name_role_and_order(hosts):
    assert list(hosts) == ["c1", "c2", "w1"]
    assert hosts.first is hosts["c1"]
    assert list(hosts.role("compute", "network")) == ["w1"]
    assert list(hosts.without("c1", "w1")) == ["c2"]


def test_work_runs_in_parallel_and_results_are_in_order(hosts):
    together = threading.Barrier(3, timeout=5)

    def work(host: Host) -> str:
        together.wait()
        return host.name.upper()

    assert list(hosts.each(work).items()) == [("c1", "C1"), ("c2", "C2"), ("w1", "W1")]


def test_work_on_no_host_returns_nothing(hosts):
    assert hosts.role("storage").each(lambda _: 1 / 0) == {}


def failing(*names: str):
    def work(host: Host) -> None:
        if host.name in names:
            raise CommandFailed(f"{host.name}: it failed", hint="look there")

    return work


def test_the_error_of_one_host_is_raised_unchanged(hosts):
    with pytest.raises(CommandFailed) as caught:
        hosts.each(failing("c2"))
    assert (caught.value.what, caught.value.hint) == ("c2: it failed", "look there")


def test_errors_of_several_hosts_become_one_that_names_them(hosts):
    with pytest.raises(CommandFailed, match="2 hosts failed") as caught:
        hosts.each(failing("c1", "w1"))
    assert {"c1", "w1"} <= set(caught.value.what.splitlines()[0].replace(",", "").split())
    assert "c1: it failed" in str(caught.value)
    assert "w1: it failed" in str(caught.value)


def test_a_host_past_the_deadline_is_named_and_disconnected(hosts, monkeypatch):
    ended = []
    monkeypatch.setattr(Host, "disconnect", lambda host: ended.append(host.name))
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(CommandFailed, match=r"w1: not done within 0\.2 s"):
        hosts.each(lambda host: release.wait(20) if host.name == "w1" else None, timeout=0.2)
    assert time.monotonic() - started < 5
    assert ended == ["w1"]
    release.set()


def test_a_programming_error_closes_every_connection(hosts, monkeypatch):
    ended = []
    monkeypatch.setattr(Host, "disconnect", lambda host: ended.append(host.name))
    with pytest.raises(ZeroDivisionError):
        hosts.each(lambda _: 1 / 0)
    assert ended == ["c1", "c2", "w1"]


# -- nobody there ------------------------------------------------------------------------------------


@pytest.fixture
def known_hosts(tmp_path) -> Path:
    path = tmp_path / "known_hosts"
    path.touch()
    return path


@pytest.fixture
def key(tmp_path) -> Path:
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def unused() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_refused_connection_is_reported_at_once(unused, key, known_hosts):
    host = Host(node(), Ssh(port=unused, key=key, known_hosts=known_hosts))
    with pytest.raises(HostUnreachable, match=rf"controller01 \(127\.0\.0\.1:{unused}\): no connection") as caught:
        host.run("true")
    assert "refused" in caught.value.seen or "Unable to connect" in caught.value.seen
    assert caught.value.hint


def test_a_silent_server_is_given_up_at_the_deadline(silent, key, known_hosts):
    host = Host(node(), Ssh(port=silent, key=key, known_hosts=known_hosts, connect_timeout=1))
    started = time.monotonic()
    with pytest.raises(HostUnreachable):
        host.run("true")
    assert time.monotonic() - started < 10  # sshd's own time-out is two minutes


def test_paramiko_s_log_is_not_printed():
    kinds = [type(handler) for handler in logging.getLogger("paramiko").handlers]
    assert logging.NullHandler in kinds


def test_an_interrupted_run_starts_no_command(silent, key, known_hosts):
    STOP.set()
    with pytest.raises(Interrupted):
        Host(node(), Ssh(port=silent, key=key, known_hosts=known_hosts)).run("true")


def test_a_host_that_refuses_connections_is_not_reachable(unused, key, known_hosts):
    assert not Host(node(), Ssh(port=unused, key=key, known_hosts=known_hosts)).reachable()


def test_a_missing_known_hosts_file_is_named(unused, key, tmp_path):
    host = Host(node(), Ssh(port=unused, key=key, known_hosts=tmp_path / "absent"))
    with pytest.raises(HostUnreachable, match=r"no file .*absent"):
        host.run("true")


def test_reading_a_host_key_without_a_server_is_an_error(unused):
    with pytest.raises(HostUnreachable, match="no SSH server"):
        first_key("127.0.0.1", port=unused, timeout=1)
