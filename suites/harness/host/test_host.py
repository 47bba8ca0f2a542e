"""Host, without a host: what is sent, how files are told apart, and that nothing waits longer than its deadline."""

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


class Told(Host):
    """A host that keeps what it would have run, and answers as it is told to."""

    def __init__(self, answer: Result | None = None) -> None:
        super().__init__(node(), Ssh())
        self.answer = answer or Result("controller01", "command", 0, "", "")
        self.sent: list[tuple[str, bytes, float]] = []

    def _execute(self, command: str, stdin: bytes, timeout: float) -> Result:
        self.sent.append((command, stdin, timeout))
        return self.answer


# -- what is sent ------------------------------------------------------------------------------------


def test_arguments_are_quoted():
    host = Told()
    host.run("rm %s %s", "a b; reboot", Path("/x/$HOME"))
    assert shlex.split(host.sent[0][0]) == ["rm", "a b; reboot", "/x/$HOME"]


def test_a_command_without_arguments_is_sent_as_it_is():
    host = Told()
    host.run("date +%s")
    assert host.sent[0][0] == "date +%s"


def test_text_for_stdin_travels_as_utf8():
    host = Told()
    host.run("cat", stdin="grüß")
    assert host.sent[0][1] == "grüß".encode()


def test_a_script_travels_on_stdin_and_ends_at_its_first_error():
    host = Told()
    host.script("echo secret")
    assert host.sent[0][:2] == ("exec sh -eu -s", b"echo secret")


def test_a_command_has_the_inventorys_deadline_unless_it_has_its_own():
    host = Told()
    host.run("true")
    host.run("true", timeout=5)
    assert [timeout for _, _, timeout in host.sent] == [Ssh().command_timeout, 5]


@pytest.mark.parametrize(("sudo", "begin"), [(False, "timeout"), (True, "sudo -n -- timeout")])
def test_the_host_itself_ends_what_nobody_waits_for_any_more(sudo, begin):
    wire = Wire(node(), Ssh(sudo=sudo))
    assert wire._as_root("echo a b", 60) == f"{begin} -k 5 65 sh -c 'echo a b'"


# -- what comes back ---------------------------------------------------------------------------------

FAILED = Result("controller01", "command", 3, "out", "\n".join(f"line {number}" for number in range(9)))


def test_a_command_that_fails_is_told_with_its_last_words():
    with pytest.raises(CommandFailed, match="controller01: `command` failed") as caught:
        Told(FAILED).check("command")
    assert caught.value.seen == "exit code 3: line 3 | line 4 | line 5 | line 6 | line 7 | line 8"


def test_running_a_command_that_fails_is_no_error():
    assert Told(FAILED).run("command").code == 3


@pytest.mark.parametrize("verb", ["check", "script"])
def test_secrets_in_what_a_command_said_are_masked(monkeypatch, verb):
    monkeypatch.setattr(JOURNAL, "redact", lambda text: text.replace("hunter2", "***"))
    with pytest.raises(CommandFailed) as caught:
        getattr(Told(Result("c", "c", 1, "", "wrong password hunter2")), verb)("true")
    assert "hunter2" not in str(caught.value)


def test_a_change_is_told_only_once_it_is_made(events):
    Told().change("did it", "true")
    with pytest.raises(CommandFailed):
        Told(FAILED).change("did not", "false")
    assert [(event.kind, event.text, event.host) for event in events] == [("change", "did it", "controller01")]


def test_long_commands_are_told_in_short():
    assert short("a  \n b") == "a b"
    assert short("x" * 101) == "x" * 97 + "..."
    assert len(short("x" * 100)) == 100


def test_a_host_without_a_platform_cannot_install_and_says_so():
    with pytest.raises(StackproofError, match="controller01: no platform is known"):
        Told().install(["vim"])


def test_installing_nothing_asks_nobody():
    host = Told()
    assert host.install([]) == []
    assert host.sent == []


# -- files ---------------------------------------------------------------------------------------------

FILE = Rendered("/etc/nova/nova.conf", "text ü\n", "root:nova", "0640", ("nova-api",))
TOLD = f"{hashlib.sha256(FILE.text.encode()).hexdigest()} root:nova 640 root:root 755"


def test_a_file_is_told_by_its_content_owner_and_mode():
    assert is_as(FILE, TOLD)
    assert not is_as(FILE, TOLD.replace("640", "644"))
    assert not is_as(FILE, "")


def test_a_folder_that_is_a_files_own_has_its_owner():
    own = replace(FILE, folder="0750")
    assert not is_as(own, TOLD)
    assert is_as(own, TOLD.replace("root:root 755", "root:nova 750"))


def test_an_archive_carries_content_owner_and_mode_below_its_root():
    with tarfile.open(fileobj=io.BytesIO(archive([FILE]))) as sent:
        (entry,) = sent.getmembers()
        content = sent.extractfile(entry).read()
    assert (entry.name, entry.uname, entry.gname, entry.mode) == ("etc/nova/nova.conf", "root", "nova", 0o640)
    assert content == "text ü\n".encode()


def test_files_that_are_as_they_must_be_are_not_sent(events):
    host = Told(Result("c", "c", 0, f"{FILE.path} {TOLD}\n", ""))
    assert host.put([FILE]) == []
    assert len(host.sent) == 1
    assert events == []


def test_files_nobody_needs_ask_nobody():
    host = Told()
    assert host.put([]) == []
    assert host.differing([]) == []
    assert host.sent == []


def test_systemd_is_told_of_changed_units_and_of_nothing_else():
    unit = Rendered("/etc/systemd/system/x.service", "x", "root:root", "0644", ("x",))
    for file, reloads in ((FILE, False), (unit, True)):
        host = Told()
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


def test_work_on_all_hosts_is_done_at_once_and_answered_in_order(hosts):
    together = threading.Barrier(3, timeout=5)

    def work(host: Host) -> str:
        together.wait()
        return host.name.upper()

    assert list(hosts.each(work).items()) == [("c1", "C1"), ("c2", "C2"), ("w1", "W1")]


def test_work_on_no_host_is_done(hosts):
    assert hosts.role("storage").each(lambda _: 1 / 0) == {}


def failing(*names: str):
    def work(host: Host) -> None:
        if host.name in names:
            raise CommandFailed(f"{host.name}: it failed", hint="look there")

    return work


def test_one_hosts_error_is_raised_as_it_is(hosts):
    with pytest.raises(CommandFailed) as caught:
        hosts.each(failing("c2"))
    assert (caught.value.what, caught.value.hint) == ("c2: it failed", "look there")


def test_errors_of_several_hosts_are_one_that_names_them_all(hosts):
    with pytest.raises(CommandFailed, match="2 hosts failed") as caught:
        hosts.each(failing("c1", "w1"))
    assert {"c1", "w1"} <= set(caught.value.what.splitlines()[0].replace(",", "").split())
    assert "c1: it failed" in str(caught.value)
    assert "w1: it failed" in str(caught.value)


def test_a_host_that_takes_too_long_is_named_and_not_waited_for(hosts):
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(CommandFailed, match=r"w1: not done within 0\.2 s"):
        hosts.each(lambda host: release.wait(20) if host.name == "w1" else None, timeout=0.2)
    assert time.monotonic() - started < 5
    release.set()


def test_a_mistake_of_ours_ends_every_connection(hosts, monkeypatch):
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
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def unused() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_refused_connection_is_told_at_once(unused, key, known_hosts):
    host = Host(node(), Ssh(port=unused, key=key, known_hosts=known_hosts))
    with pytest.raises(HostUnreachable, match=rf"controller01 \(127\.0\.0\.1:{unused}\): no connection") as caught:
        host.run("true")
    assert "refused" in caught.value.seen or "Unable to connect" in caught.value.seen
    assert caught.value.hint


def test_a_server_that_says_nothing_is_given_up_within_the_deadline(silent, key, known_hosts):
    host = Host(node(), Ssh(port=silent, key=key, known_hosts=known_hosts, connect_timeout=1))
    started = time.monotonic()
    with pytest.raises(HostUnreachable):
        host.run("true")
    assert time.monotonic() - started < 10  # sshd's own patience is two minutes


def test_what_ssh_logs_is_not_printed_beside_our_own_words():
    kinds = [type(handler) for handler in logging.getLogger("paramiko").handlers]
    assert logging.NullHandler in kinds


def test_an_interrupted_run_begins_nothing_on_a_host(silent, key, known_hosts):
    STOP.set()
    with pytest.raises(Interrupted):
        Host(node(), Ssh(port=silent, key=key, known_hosts=known_hosts)).run("true")


def test_who_cannot_be_reached_is_not_reachable(unused, key, known_hosts):
    assert not Host(node(), Ssh(port=unused, key=key, known_hosts=known_hosts)).reachable()


def test_a_missing_list_of_host_keys_is_told_by_its_name(unused, key, tmp_path):
    host = Host(node(), Ssh(port=unused, key=key, known_hosts=tmp_path / "absent"))
    with pytest.raises(HostUnreachable, match=r"no file .*absent"):
        host.run("true")


def test_no_key_is_taken_from_a_server_that_is_not_there(unused):
    with pytest.raises(HostUnreachable, match="no SSH server"):
        first_key("127.0.0.1", port=unused, timeout=1)
