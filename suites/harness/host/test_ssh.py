"""Host against a real sshd on 127.0.0.1: round trips, refusals, deadlines, large inputs and outputs, files."""

import getpass
import grp
import os
import pwd
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from deploy.errors import CommandFailed, HostUnreachable
from deploy.host import Host, first_key, wire
from deploy.host import files as host_files
from deploy.host import host as host_module
from deploy.inventory import Node, Ssh
from deploy.render import Rendered

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
OWNER = f"{pwd.getpwuid(os.getuid()).pw_name}:{grp.getgrgid(os.getgid()).gr_name}"
PRIVILEGE_SEPARATION = Path("/run/sshd")

pytestmark = pytest.mark.skipif(
    SSHD is None, reason="no sshd on this machine: apt-get install openssh-server (it need not run)"
)


def made_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """A folder with the host's key, the user's key, and the key of a stranger."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("host", "user", "stranger"):
        made_key(folder / name)
    shutil.copy(folder / "user.pub", folder / "authorized")
    return folder


@pytest.fixture(scope="module")
def port(keys) -> Iterator[int]:
    """The port of an sshd that accepts the user who runs the tests."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    settings = {
        "ListenAddress": f"127.0.0.1:{number}",
        "HostKey": keys / "host",
        "AuthorizedKeysFile": keys / "authorized",
        "StrictModes": "no",  # a test's folder is not a home directory
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PidFile": "none",
    }
    config = keys / "sshd_config"
    config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    ours = os.geteuid() == 0 and not PRIVILEGE_SEPARATION.exists()
    if ours:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755)  # as sshd's unit does
    with (keys / "log").open("w") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stderr=log)
    try:
        wait_for_server(number, keys / "log")
        yield number
    finally:
        wait_for_end_of_sessions(server.pid)
        server.terminate()
        server.wait(timeout=10)
        if ours:
            PRIVILEGE_SEPARATION.rmdir()


def wait_for_end_of_sessions(server: int) -> None:
    """Wait until sshd's sessions have ended, so that no child process is left."""
    children = Path(f"/proc/{server}/task/{server}/children")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and children.exists() and children.read_text().strip():
        time.sleep(0.05)


def wait_for_server(port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"sshd does not answer: {log.read_text()}")


@pytest.fixture(scope="module")
def connect(keys, port) -> Iterator[Callable[..., Host]]:
    """Return a function that makes a Host for this machine; its arguments replace settings of Ssh."""
    known_hosts = keys / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {(keys / 'host.pub').read_text()}")
    made: list[Host] = []

    def make(**settings: object) -> Host:
        ssh = Ssh(
            getpass.getuser(), port, keys / "user", known_hosts=known_hosts, connect_timeout=5, command_timeout=20
        )
        made.append(
            Host(Node("here", ("controller",), {"management": IPv4Address("127.0.0.1")}), replace(ssh, **settings))
        )
        return made[-1]

    yield make
    for host in made:
        host.disconnect()


@pytest.fixture(scope="module")
def host(connect) -> Host:
    return connect()


@pytest.fixture
def known_hosts(tmp_path) -> Path:
    """An empty known_hosts file."""
    path = tmp_path / "known_hosts"
    path.touch()
    return path


# -- jump hosts ----------------------------------------------------------------------------------------


@pytest.fixture
def jumping(connect, keys, port, tmp_path, monkeypatch) -> Host:
    """A host whose SSH configuration names a jump host: this machine, by another name."""
    (folder := tmp_path / ".ssh").mkdir(mode=0o700)
    (folder / "config").write_text(
        f"Host 127.0.0.1\n  ProxyJump localhost:{port}\nHost *\n  IdentityFile {keys / 'user'}\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return connect(key=None)


def known(keys, port, key="host") -> str:
    return f"[localhost]:{port} {(keys / f'{key}.pub').read_text()}"


def test_an_unknown_jump_host_is_refused(jumping, port):
    with pytest.raises(
        HostUnreachable, match=rf"the jump host \[localhost\]:{port}: its host key is neither in"
    ) as caught:
        jumping.run("true")
    assert "sign in there once" in caught.value.hint


def test_a_jump_host_with_another_key_is_refused(jumping, keys, port, tmp_path):
    (tmp_path / ".ssh/known_hosts").write_text(known(keys, port, "stranger"))
    with pytest.raises(HostUnreachable, match=r"the jump host .* its host key is not the one recorded") as caught:
        jumping.run("true")
    assert f"ssh-keygen -R '[localhost]:{port}' -f ~/.ssh/known_hosts" in caught.value.hint


def test_a_jump_host_that_the_user_knows_is_passed(jumping, keys, port, tmp_path):
    (tmp_path / ".ssh/known_hosts").write_text(known(keys, port))
    assert jumping.check("echo there") == "there\n"


# -- round trips ---------------------------------------------------------------------------------------


def test_a_command_returns_its_exit_code_and_both_outputs(host):
    result = host.run("echo out; echo grüß >&2; exit 7")
    assert (result.host, result.code, result.out, result.err) == ("here", 7, "out\n", "grüß\n")


def test_check_returns_the_output_of_a_command(host):
    assert host.check("echo %s", "a 'b' $HOME %d") == "a 'b' $HOME %d\n"


def test_one_connection_serves_every_command(connect):
    host = connect()
    first = host.check("echo $SSH_CONNECTION")
    assert host.check("echo $SSH_CONNECTION") == first
    assert host.round_trips == 2


def test_a_command_without_stdin_reads_end_of_file(host):
    assert host.check("wc -c").strip() == "0"


def test_quick_commands_do_not_cost_the_connection(connect):
    host = connect()
    first = host.check("echo $SSH_CONNECTION")
    for _ in range(100):
        host.check(":")
    assert host.check("echo $SSH_CONNECTION") == first


def test_many_threads_share_a_connection(host):
    results: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda n=number: results.update({n: host.check("sleep 0.1; echo %s", n)}))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert results == {number: f"{number}\n" for number in range(6)}


def test_a_script_ends_at_its_first_error(host):
    with pytest.raises(CommandFailed, match="here: a script failed"):
        host.script("false\necho still here")
    assert host.script("echo one\necho two") == "one\ntwo\n"


def test_output_that_is_not_utf8_is_decoded_with_replacements(host):
    assert "�" in host.check(r"printf '\377\376'")


def test_a_host_that_answers_is_reachable(host):
    assert host.reachable()


def test_after_disconnecting_a_new_connection_is_made(connect):
    host = connect()
    first = host.check("echo $SSH_CONNECTION")
    host.disconnect()
    assert host.check("echo $SSH_CONNECTION") != first


def test_a_host_key_is_read_as_a_line_of_known_hosts(connect, port, tmp_path):
    learned = tmp_path / "learned"
    learned.write_text(first_key("127.0.0.1", port=port))
    assert connect(known_hosts=learned).check("echo hello") == "hello\n"


# -- lines as they arrive ------------------------------------------------------------------------------


def test_lines_are_passed_on_as_they_arrive_until_it_is_over(connect, tmp_path):
    lines: list[str] = []
    host, ended = connect(), tmp_path / "ended"
    command = "echo %s; echo two; cat; echo done >%s"
    host.follow(command, "one grüß", ended, take=lines.append, over=lambda: len(lines) == 2, timeout=20)
    assert lines == ["one grüß", "two"]
    deadline = time.monotonic() + 5
    while not ended.exists() and time.monotonic() < deadline:  # its stdin has ended
        time.sleep(0.05)
    assert ended.exists()
    assert host.check("echo hello") == "hello\n"


def test_a_command_that_ends_before_it_is_over_is_a_failure(host):
    lines: list[str] = []
    with pytest.raises(CommandFailed, match="ended by itself") as caught:
        host.follow("echo one; echo why >&2; exit 3", take=lines.append, over=lambda: False, timeout=20)
    assert (caught.value.seen, lines) == ("why", ["one"])


def test_a_connection_lost_between_lines_is_noticed(connect):
    host = connect()
    session = int(host.check("ps -o ppid= -p $PPID"))
    with pytest.raises((HostUnreachable, CommandFailed)):
        host.follow("kill -9 %s; sleep 30", session, take=print, over=lambda: False, timeout=20)
    assert host.check("echo again") == "again\n"


# -- refusals ------------------------------------------------------------------------------------------


def refused(host: Host, match: str) -> HostUnreachable:
    with pytest.raises(HostUnreachable, match=match) as caught:
        host.run("true")
    return caught.value


def test_a_changed_host_key_is_refused(connect, keys, port, known_hosts):
    known_hosts.write_text(f"[127.0.0.1]:{port} {(keys / 'stranger.pub').read_text()}")
    error = refused(connect(known_hosts=known_hosts), "its host key is not the one recorded")
    assert f"ssh-keygen -R '[127.0.0.1]:{port}' -f {known_hosts}" in error.hint


def test_an_unknown_host_key_is_refused(connect, port, known_hosts):
    error = refused(connect(known_hosts=known_hosts), "its host key is not in ")
    assert f"ssh-keyscan -p {port} 127.0.0.1 >> {known_hosts}" in error.hint


def test_a_user_key_without_rights_is_refused(connect, keys):
    error = refused(connect(key=keys / "stranger"), f"it refuses the key of user {getpass.getuser()}")
    assert "try: ssh -i " in error.hint


def test_a_refused_attempt_leaves_no_thread(connect, keys):
    def transports() -> int:
        return sum(type(thread).__name__ == "Transport" for thread in threading.enumerate())

    before = transports()
    for _ in range(3):
        refused(connect(key=keys / "stranger"), "it refuses the key")
    deadline = time.monotonic() + 5
    while transports() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert transports() <= before  # one of an earlier test may have ended meanwhile


def test_a_missing_user_key_is_named(connect, tmp_path):
    refused(connect(key=tmp_path / "absent"), r"no file .*absent")


def test_an_unknown_user_is_refused(connect):
    refused(connect(user="nobody-of-that-name"), "it refuses the key of user nobody-of-that-name")


# -- deadlines -----------------------------------------------------------------------------------------


def test_a_command_that_does_not_end_fails_at_its_deadline(host):
    host.run("true")
    started = time.monotonic()
    with pytest.raises(CommandFailed, match=r"here: `sleep 30` did not end within 0\.5 s"):
        host.run("sleep 30", timeout=0.5)
    assert time.monotonic() - started < 10


def test_a_command_that_ignores_stdin_fails_at_its_deadline(host):
    with pytest.raises(CommandFailed, match="did not end"):
        host.run("sleep 30", stdin=b"x" * 5_000_000, timeout=0.5)


def test_the_connection_survives_a_missed_deadline(host):
    with pytest.raises(CommandFailed):
        host.run("sleep 30", timeout=0.3)
    assert host.check("echo hello") == "hello\n"


def test_a_connection_lost_during_a_command_is_an_unreachable_host(host):
    session = int(host.check("ps -o ppid= -p $PPID"))  # above `timeout`, which is above the shell
    assert "sshd" in host.check("ps -o comm= -p %s", session)
    with pytest.raises(HostUnreachable, match="lost during `kill -9"):
        host.run("kill -9 %s; sleep 30", session)
    assert host.check("echo again") == "again\n"


# -- loads ---------------------------------------------------------------------------------------------


def test_a_megabyte_of_input_is_sent_quickly(host):
    started = time.monotonic()
    assert host.check("wc -c", stdin=b"x" * 1_000_000).strip() == "1000000"
    assert time.monotonic() - started < 10  # one byte at a time would take minutes


def test_five_megabytes_of_output_arrive_complete(host):
    assert host.check("head -c 5000000 /dev/zero | tr '\\0' x") == "x" * 5_000_000


def test_input_and_output_at_once_do_not_block_each_other(host):
    data = "0123456789" * 200_000
    assert host.check("cat", stdin=data, timeout=15) == data


def test_a_command_that_ignores_its_input_succeeds(host):
    for _ in range(5):
        assert host.run("true", stdin=b"x" * 1_000_000).ok


# -- secrets -------------------------------------------------------------------------------------------


def test_a_command_that_ends_before_its_input_still_returns(host, monkeypatch):
    converse = wire.converse

    def late(*arguments):
        time.sleep(0.5)  # like a runner that gets no CPU time
        return converse(*arguments)

    monkeypatch.setattr(wire, "converse", late)
    result = host.run("echo why >&2; exit 3", stdin="something")
    assert (result.code, result.err) == (3, "why\n")


def test_text_on_stdin_is_not_in_the_process_list(host):
    assert "hunter2" not in host.script("secret=hunter2\nps -eo args")


# -- files ---------------------------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setattr(host_files, "STATE", str(folder))
    return folder


@pytest.fixture
def files(tmp_path) -> list[Rendered]:
    folder = tmp_path / "etc/sample"
    return [
        Rendered(f"{folder}/one.conf", "one ü\n", OWNER, "0660", ("one", "both")),
        Rendered(f"{folder}/below/two", "two, without an end of line", OWNER, "0400", ("both",)),
    ]


@pytest.mark.usefixtures("state")
def test_files_are_put_with_content_and_mode(host, files):
    assert host.differing(files) == [file.path for file in files]
    assert host.put(files) == [file.path for file in files]
    assert [Path(file.path).read_text() for file in files] == [file.text for file in files]
    assert [stat.S_IMODE(Path(file.path).stat().st_mode) for file in files] == [0o660, 0o400]  # whatever the umask is
    assert host.differing(files) == []


@pytest.mark.usefixtures("state")
def test_putting_again_changes_and_journals_nothing(host, files, events):
    host.put(files)
    journalled = len(events)
    assert host.put(files) == []
    assert (journalled, len(events)) == (2, 2)


def test_only_units_that_read_a_changed_file_are_marked(host, state, files):
    host.put(files)
    assert sorted(path.name for path in (state / "pending").iterdir()) == ["both", "one"]
    (state / "pending/one").unlink()
    host.put([files[0], replace(files[1], text="changed\n")])
    assert sorted(path.name for path in (state / "pending").iterdir()) == ["both"]


@pytest.mark.parametrize("change", ["content", "mode", "absence"])
@pytest.mark.usefixtures("state")
def test_a_file_changed_on_the_host_is_restored(host, files, change):
    host.put(files)
    path = Path(files[0].path)
    {"content": lambda: path.write_text("x"), "mode": lambda: path.chmod(0o600), "absence": path.unlink}[change]()
    assert host.put(files) == [files[0].path]
    assert host.differing(files) == []


@pytest.mark.usefixtures("state")
def test_a_file_s_own_folder_gets_its_mode(host, files):
    own = replace(files[1], folder="0700")
    host.put([own])
    folder = Path(own.path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert host.differing([own]) == []
    folder.chmod(0o755)
    assert host.put([own]) == [own.path]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.fixture
def keys_of_ours(tmp_path) -> list[Rendered]:
    """Two files in a folder that is owned whole."""
    folder = f"{tmp_path}/etc/keys"
    return [Rendered(f"{folder}/{name}", name, OWNER, "0400", ("reader",), "0700", whole=True) for name in "01"]


FOREIGN = {
    "a file": lambda folder: (folder / "2").write_text("foreign"),
    "a file with an awkward name": lambda folder: (folder / "a 'b' $(c) +d").write_text("foreign"),
    "a link": lambda folder: (folder / "2").symlink_to("0"),
    "a file deeper": lambda folder: ((folder / "sub").mkdir(), (folder / "sub/2").write_text("foreign")),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_foreign_in_a_folder_owned_whole_is_removed_and_told(host, state, keys_of_ours, events, kind):
    beside = Rendered(f"{state}-beside", "in another folder", OWNER, "0400", ("other",))
    everything = [beside, *keys_of_ours]
    host.put(everything)
    shutil.rmtree(state)
    FOREIGN[kind](folder := Path(keys_of_ours[0].path).parent)
    (found,) = {str(path) for path in folder.rglob("*") if not path.is_dir()} - {key.path for key in keys_of_ours}
    assert host.differing(everything) == [found]
    assert host.put(everything) == [found]
    assert events[-1].text == f"removed {found}"
    assert [path.name for path in (state / "pending").iterdir()] == ["reader"]
    assert host.differing(everything) == []
    assert [Path(key.path).read_text() for key in keys_of_ours] == ["0", "1"]


@pytest.mark.usefixtures("state")
def test_a_foreign_file_goes_with_the_same_trip_that_mends_another(host, keys_of_ours):
    host.put(keys_of_ours)
    path = Path(keys_of_ours[1].path)
    path.unlink()
    (path.parent / "2").write_text("foreign")
    before = host.round_trips
    assert host.put(keys_of_ours) == [keys_of_ours[1].path, f"{path.parent}/2"]
    assert host.round_trips - before == 2


@pytest.mark.usefixtures("state")
def test_in_any_other_folder_a_foreign_file_stays_and_says_nothing(host, files):
    host.put(files)
    other = Path(files[0].path).with_name("foreign")
    other.write_text("foreign")
    assert host.put(files) == []
    assert other.exists()


@pytest.mark.usefixtures("state")
def test_a_folder_that_is_a_link_is_not_searched(host, keys_of_ours, tmp_path):
    other, folder = tmp_path / "other", Path(keys_of_ours[0].path).parent
    other.mkdir()
    (other / "theirs").write_text("foreign")
    folder.parent.mkdir(parents=True)
    folder.symlink_to(other)
    host.put(keys_of_ours)
    assert (other / "theirs").exists()


@pytest.mark.usefixtures("state")
def test_a_foreign_file_that_cannot_be_removed_is_told(host, keys_of_ours, monkeypatch):
    host.put(keys_of_ours)
    foreign = f"{Path(keys_of_ours[0].path).parent}/2"
    monkeypatch.setattr(Host, "differing", lambda *_: [foreign])
    with pytest.raises(CommandFailed, match="files could not be written") as caught:
        host.put(keys_of_ours)
    assert caught.value.expected == f"no {foreign}"


def test_nothing_is_left_beside_the_files(host, state, files, tmp_path):
    host.put(files)
    assert [path.name for path in state.iterdir()] == ["pending"]
    assert {str(path) for path in (tmp_path / "etc").rglob("*") if path.is_file()} == {file.path for file in files}


@pytest.mark.usefixtures("state")
def test_nothing_is_replaced_or_left_where_one_file_cannot_be_written(host, files, tmp_path):
    first = Path(files[0].path)
    first.parent.mkdir(parents=True)
    first.write_text("old")
    (first.parent / "below").write_text("a file where a folder must be")
    with pytest.raises(CommandFailed):
        host.put(files)
    assert first.read_text() == "old"
    assert {path.name for path in (tmp_path / "etc").rglob("*") if path.is_file()} == {first.name, "below"}


@pytest.mark.usefixtures("state")
def test_folders_are_readable_whatever_the_umask_of_the_host_is(host, files, monkeypatch):
    script = host_module.put_script
    monkeypatch.setattr(host_module, "put_script", lambda *given: f"umask 077\n{script(*given)}")
    host.put(files)
    assert [stat.S_IMODE(Path(file.path).parent.stat().st_mode) for file in files] == [0o755, 0o755]


@pytest.mark.usefixtures("state")
def test_a_symbolic_link_is_replaced_and_its_target_is_not(host, files, tmp_path):
    other, path = tmp_path / "other", Path(files[0].path)
    other.write_text("of somebody else\n")
    path.parent.mkdir(parents=True)
    path.symlink_to(other)
    host.put(files)
    assert not path.is_symlink()
    assert other.read_text() == "of somebody else\n"


@pytest.mark.usefixtures("state")
def test_files_that_cannot_be_written_are_named(host, files, tmp_path):
    (tmp_path / "etc").write_text("a file where a folder must be")
    with pytest.raises(CommandFailed, match="here: files could not be written") as caught:
        host.put(files)
    assert files[0].path in caught.value.expected


def test_reading_differences_changes_nothing(host, state, files, tmp_path):
    host.differing(files)
    assert not (tmp_path / "etc").exists()
    assert not state.exists()
