"""Facts of exposure: which files reveal a password to every user, and a search that could not look says so."""

import base64
import os
import shutil
import subprocess
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from deploy.errors import CommandFailed
from deploy.facts import exposure, searching
from deploy.facts.exposure import Exposure

SECRET = "d41d8cd98f00b204e9800998ecf8427e"
SAMPLES = "".join(f"found\t{kind}\t{searching.SAMPLE}\t1 \n" for kind in searching.KINDS)
WORKED = f"begun\n{SAMPLES}ended\n"


@pytest.fixture
def search(tmp_path):
    """Run the script of a host on the folder `files` in place of all file systems; return what it found."""
    top = tmp_path / "files"
    top.mkdir(mode=0o755)

    def run(*, process="self", **environment):
        script = searching.script([f"{top}/packaged*"])
        script = script.replace("find / /usr/local /dev/shm", f"find {top} {searching.SAMPLE}")
        script = script.replace("[0-9]*", str(process))
        result = subprocess.run(
            [shutil.which("sh"), "-c", script],
            input="\n".join(searching.spellings(SECRET)),
            env={**os.environ, **environment},
            text=True,
            capture_output=True,
            check=False,
        )
        assert not result.stderr
        return exposure.parse(result.stdout.replace(f"{top}/", "/"))

    run.top = top
    return run


def plant(folder, name, text, mode=0o644):
    path = folder / name
    path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize(
    "line",
    [
        "password = hunter2",
        "connection = mysql+pymysql://nova:hunter2@10.0.0.1/nova",
        "transport_url=rabbit://openstack:hunter2@10.0.0.1:5672,openstack:hunter2@10.0.0.2:5672//",
        "memcache_secret_key = hunter2",
        "export OS_PASSWORD=hunter2",
        "export OS_PASSWORD='hunter2'",
        'OS_PASSWORD="hunter2"',
        "  ADMIN_PASSWORD=hunter2",
        'Environment="MYSQL_PASSWORD=hunter2"',
        "      password: hunter2",
        '      "admin_password": "hunter2"',
        '{"user": "admin", "password": "hunter2"}',
        "    stats auth admin:hunter2",
        "  auth admin:hunter2",
        "  user admin insecure-password hunter2",
        "admin_pass = hunter2",
        "passwd=hunter2",
        "machine example.org login admin password hunter2",
        "0 3 * * * root mariadb-dump --password=hunter2 keystone",
        "curl http://admin:hunter2@10.0.0.1:1080/;csv",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_a_password_is_found_by_its_line(search, line):
    plant(search.top, "planted", f"# a comment\n{line}\n")
    assert search() == Exposure(passwords=("/planted, line 2",))


@pytest.mark.parametrize(
    "line",
    [
        "#password = hunter2",
        "# see http://admin:hunter2@example.org/",
        "password =",
        "password: null",
        '"password": "",',
        "passwd:         files systemd",
        "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt",
        "PasswordAuthentication yes",
        'OS_PASSWORD="$1"',
        "password = $(cat /root/password)",
        "SECRET_KEY = secret_key.generate_or_read_from_file(",
        "connection = sqlite:////var/lib/nova/nova.sqlite",
        "http://example.org:8080/user@example.org",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_a_line_without_a_password_is_not_found(search, line):
    plant(search.top, "planted", f"{line}\n")
    assert search() == Exposure()


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"x = {quote('a/b ' + SECRET)}",
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"nova:{SECRET}@host".encode()).decode(),
        base64.urlsafe_b64encode(f"keystone:{SECRET}".encode()).decode(),
        f"\0\0binary\0{SECRET}\0",
    ],
)
def test_a_secret_of_ours_is_found_in_each_spelling(search, text):
    plant(search.top, "planted", f"first line\n{text}\n")
    assert search() == Exposure(secrets=("/planted, line 2",))


def test_a_secret_with_characters_of_urls_is_found_url_encoded():
    assert "a%2Fb%20c%40d%3Ae" in searching.spellings("a/b c@d:e")


@pytest.mark.parametrize("length", range(12, 18))
def test_base64_of_any_text_around_a_secret_holds_one_of_its_spellings(length):
    secret = SECRET[:length]
    for before in range(4):
        for after in range(4):
            text = base64.b64encode(b"\xff" * before + secret.encode() + b"\xff" * after).decode()
            assert any(form in text for form in searching.spellings(secret))


def test_only_what_everyone_can_read_is_found(search):
    plant(search.top, "of its owner", "password = hunter2\n", mode=0o640)
    closed, opaque = search.top / "closed", search.top / "opaque"
    for folder in (closed, opaque):
        folder.mkdir()
        plant(folder, "planted", "password = hunter2\n")
    closed.chmod(0o700)
    opaque.chmod(0o711)  # whoever knows the name reads the file
    assert search() == Exposure(passwords=("/opaque/planted, line 1",))


def test_files_of_packages_are_left_out(search):
    (search.top / "packaged").mkdir()
    plant(search.top / "packaged", "planted", "password = hunter2\n")
    plant(search.top, "packaged.dat", "password = hunter2\n")
    assert search() == Exposure()


def test_a_name_with_a_tab_is_found(search):
    plant(search.top, "a\tb c", "password = hunter2\n")
    assert search() == Exposure(passwords=("/a b c, line 1",))


def test_no_content_is_printed(search):
    plant(search.top, "planted", f"password = hunter2\n{SECRET}\n")
    assert "hunter2" not in str(search())
    assert SECRET not in str(search())


@pytest.mark.parametrize(
    ("argument", "seen"),
    [
        ("--password=hunter2", Exposure(passwords=("command of process sh",))),
        (f"-u{SECRET}", Exposure(secrets=("command of process sh",))),
    ],
)
def test_a_password_among_the_arguments_of_a_program_is_found(search, argument, seen):
    waiting = [shutil.which("sh"), "-c", "read line", argument]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE) as program:  # leaving the block closes stdin, which ends it
        assert search(process=program.pid) == seen


@pytest.mark.parametrize("tool", ["find", "grep", "cat", "cut", "head", "tr", "sh"])
def test_a_search_without_its_tools_is_not_known(search, tmp_path, tool):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in {"find", "grep", "cat", "cut", "head", "tr", "sh"} - {tool}:
        (tools / name).symlink_to(shutil.which(name))
    plant(search.top, "planted", f"password = hunter2\n{SECRET}\n")
    found = search(PATH=str(tools))
    assert found.unknown
    assert all(reason.startswith("not known: ") for reason in found.unknown)


def test_a_file_that_cannot_be_read_is_not_known(search, tmp_path):
    failing = tmp_path / "tools" / "grep"
    failing.parent.mkdir()
    failing.write_text(
        f"#!/bin/sh\necho 'grep: /srv/a: Input/output error' >&2; {shutil.which('grep')} \"$@\"; exit 2\n"
    )
    failing.chmod(0o755)
    found = search(PATH=f"{failing.parent}:{os.environ['PATH']}")
    assert "not known: grep: /srv/a: Input/output error" in found.unknown


@pytest.mark.parametrize("text", ["", "begun\nended\n", SAMPLES.replace("secrets", "others"), f"{WORKED}begun\n"])
def test_a_search_that_did_not_find_its_sample_or_end_is_not_known(text):
    assert exposure.parse(text).unknown


@pytest.mark.parametrize("line", ["grep: /tmp/a: No such file or directory", "grep: /proc/9/cmdline: No such process"])
def test_a_file_that_vanished_is_no_failure(line):
    assert exposure.parse(f"{WORKED}{line}\n") == Exposure()


def test_sshd_that_lists_no_settings_is_an_error():
    host = SimpleNamespace(name="a", check=lambda *_: "\n")
    with pytest.raises(CommandFailed, match="not known"):
        exposure.sign_in(host)
