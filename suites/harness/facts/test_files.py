"""Facts of files: files are listed with their digest, and a diff shows no secret, known or unknown."""

import subprocess
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed
from deploy.facts import files
from deploy.facts.files import File
from deploy.host import Result, spelled
from deploy.masking import MASK

OURS, THEIRS = "5ec4e7" * 4, "hunter2"
WANTED = f"""[DEFAULT]
debug = false
transport_url = rabbit://openstack:{OURS}@172.16.181.31:5672/
[keystone_authtoken]
username = nova
password = {OURS}
"""


def redact(text):
    return text.replace(OURS, MASK)


class Here:
    """Runs a host's commands on this machine."""

    def run(self, command, *arguments):
        text = spelled(command, arguments)
        done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False)
        return Result("here", text, done.returncode, done.stdout, done.stderr)


@pytest.fixture
def there(tmp_path):
    (tmp_path / "keys").mkdir()
    for name, text, mode in (("plain", "text\n", 0o644), ("with space", "", 0o600), ("keys/0", "key", 0o400)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    (tmp_path / "link").symlink_to("plain")
    paths = [str(tmp_path / name) for name in ("plain", "with space", "keys", "link", "absent")]
    return {path.removeprefix(f"{tmp_path}/"): file for path, file in files.read(Here(), paths).items()}


def test_files_below_folders_are_listed_and_links_are_not(there):
    assert {name: file.mode for name, file in there.items()} == {"plain": "644", "with space": "600", "keys/0": "400"}


def test_a_text_is_recognised_by_its_digest(there):
    assert there["plain"].digest == files.digest("text\n")
    assert there["with space"].digest == files.digest("")


@pytest.mark.parametrize(
    ("error", "code"),
    [("find: '/etc/nova': Input/output error\n", 1), ("sha256sum: /a: Permission denied\n", 1), ("", 127), ("", 137)],
)
def test_files_that_could_not_be_read_are_an_error(error, code):
    host = SimpleNamespace(name="a", run=lambda *_: Result("a", "find", code, "", error))
    with pytest.raises(CommandFailed, match="not known"):
        files.read(host, ["/etc/nova"])


def test_a_warning_of_the_login_shell_is_no_error():
    host = SimpleNamespace(run=lambda *_: Result("a", "find", 1, "", "bash: warning: setlocale: LC_ALL\n"))
    assert files.read(host, ["/absent"]) == {}


def test_an_owner_is_listed_with_the_group(there):
    user, _, group = there["plain"].owner.partition(":")
    assert user
    assert group


@pytest.mark.parametrize("text", ["", "garbage", "sha256sum: /x: Permission denied"])
def test_unreadable_output_lists_no_file(text):
    assert files.parse(text) == {}


def test_a_file_that_cannot_be_read_has_no_digest():
    assert files.parse("root:root 600 /etc/x\n") == {"/etc/x": File("", "root:root", "600")}


def test_a_diff_shows_the_wanted_and_the_actual_line():
    shown = files.difference(WANTED, WANTED.replace("debug = false", "debug = true"), redact)
    assert "-debug = false\n+debug = true" in shown
    assert len(shown.splitlines()) <= 8


@pytest.mark.parametrize(
    "changed",
    [
        WANTED.replace(f"password = {OURS}", f"password = {THEIRS}"),
        WANTED.replace(f"password = {OURS}", f"password={THEIRS} # was x"),
        WANTED.replace(f":{OURS}@", f":{THEIRS}@"),
        WANTED.replace(f":{OURS}@172.16.181.31:5672", f":{THEIRS}@a:5672,openstack:{THEIRS}@b:5672"),
        f"{WANTED}admin_password: {THEIRS}\n",
        f"{WANTED}# the old PASSWORD {THEIRS}\n",
        f"{WANTED}metadata_proxy_shared_secret={THEIRS}\n",
    ],
)
def test_an_unknown_secret_is_masked_and_its_change_is_shown(changed):
    shown = files.difference(WANTED, changed, redact)
    assert THEIRS not in shown
    assert OURS not in shown
    assert "another" in shown


def test_a_file_that_is_only_a_secret_is_not_shown():
    assert files.difference(OURS, THEIRS, redact) == "it holds a secret, so neither is shown"


def test_no_rendered_file_shows_an_unknown_secret(site_of):
    site = site_of("lab")
    for node in site.cluster.nodes:
        for file in site.render(node, site.catalogue.on(node)):
            masked = site.secrets.redact(file.text)
            shown = files.difference(file.text, masked.replace(MASK, THEIRS), site.secrets.redact)
            assert THEIRS not in shown, file.path
            assert site.secrets.redact(shown) == shown, file.path


def test_a_missing_last_line_break_is_reported():
    assert files.difference("a\n", "a", redact) == "only the end of the last line differs"
