"""Secrets held: each secret is told with the files that hold it, and never itself."""

import shutil
import subprocess
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed
from deploy.facts import held
from deploy.facts.ended import END

SECRETS = {"keystone.nova": "d41d8cd98f00b204", "keystone.placement": "0123456789abcdef", "power.c1": "short"}


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Search the folder of the test in place of a host's; return what was found."""
    monkeypatch.setattr(held, "_SEARCH", held._SEARCH.replace(held.FOLDERS, str(tmp_path)))

    def check(_: str, script: str, *, stdin: str, timeout: float) -> str:
        done = subprocess.run(
            [shutil.which("sh"), "-c", script],
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        assert not done.stderr
        assert not any(secret in done.stdout for secret in SECRETS.values())
        return done.stdout.replace(f"{tmp_path}/", "/")

    return lambda: held.read(SimpleNamespace(name="compute01", check=check), SECRETS)


def test_each_secret_is_told_with_its_files(search, tmp_path):
    (tmp_path / "nova.conf").write_text("password = d41d8cd98f00b204\nother = 0123456789abcdef\n")
    (tmp_path / "a copy of it").write_text("d41d8cd98f00b204")
    (tmp_path / "short").write_text("a short word")
    found = {use: set(files) for use, files in search().items()}
    assert found == {"keystone.nova": {"/nova.conf", "/a copy of it"}, "keystone.placement": {"/nova.conf"}}


def test_the_disks_of_instances_are_left_out(search, tmp_path):
    (tmp_path / "instances").mkdir()
    (tmp_path / "instances" / "disk").write_text("d41d8cd98f00b204")
    assert search() == {}


def test_a_file_is_searched_once_for_each_secret(search, tmp_path, monkeypatch):
    """A process for each pair of file and secret would cost a compute seconds."""
    calls, folder = tmp_path / "calls", tmp_path / "bin"
    folder.mkdir()
    grep = folder / "grep"
    grep.write_text(f'#!/bin/sh\necho >> {calls}\nexec {shutil.which("grep")} "$@"\n')
    grep.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    for number in range(9):
        (tmp_path / f"{number}.conf").write_text("d41d8cd98f00b204\n0123456789abcdef\n")
    assert {use: len(files) for use, files in search().items()} == {"keystone.nova": 9, "keystone.placement": 9}
    assert len(calls.read_text().splitlines()) == 3


def test_a_search_that_is_killed_is_an_error(search, tmp_path, monkeypatch):
    (tmp_path / "nova.conf").write_text("d41d8cd98f00b204")
    folder = tmp_path / "bin"
    folder.mkdir()
    grep = folder / "grep"
    grep.write_text("#!/bin/sh\nexit 137\n")
    grep.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    with pytest.raises(CommandFailed, match="files with secrets: not known"):
        search()


@pytest.mark.parametrize("text", ["", "keystone.nova\t/etc/nova/nova.conf\n", "sh: cut: not found\n"])
def test_a_search_that_did_not_end_is_an_error(text):
    with pytest.raises(CommandFailed, match="compute01: files with secrets: not known"):
        held.read(SimpleNamespace(name="compute01", check=lambda *_, **__: text), SECRETS)


def test_what_is_no_finding_is_left_out():
    assert held.parse(f"a line\nkeystone.nova\t/etc/a\nkeystone.nova\t/root{held.RUNNER}lab/secrets.json\n{END}\n") == {
        "keystone.nova": ("/etc/a",)
    }


def test_nothing_is_searched_for_nothing():
    assert held.read(SimpleNamespace(), {"power.c1": "short"}) == {}
