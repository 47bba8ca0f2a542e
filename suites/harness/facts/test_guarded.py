"""Guarded: the folder itself is among its entries, and a cut answer is none."""

import subprocess

import pytest

from deploy.errors import CommandFailed
from deploy.facts import guarded
from deploy.facts.guarded import Entry
from deploy.host.result import spelled


class Here:
    """A host whose commands run in a shell here."""

    name = "here"

    def check(self, command: str, *arguments: object) -> str:
        done = subprocess.run(["sh", "-c", spelled(command, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(done.stderr)
        return done.stdout


def test_it_reads_a_folder_and_what_lies_directly_in_it(tmp_path):
    (tmp_path / "a b.conf").touch(0o640)
    (tmp_path / "sub").mkdir(0o700)
    (tmp_path / "sub" / "deeper").touch()
    (tmp_path / "link").symlink_to("a b.conf")
    tmp_path.chmod(0o750)
    found = guarded.read(Here(), str(tmp_path))
    modes = {path.removeprefix(str(tmp_path)): entry.mode for path, entry in found.items()}
    assert modes == {"": 0o750, "/a b.conf": 0o640, "/sub": 0o700}


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(CommandFailed):
        guarded.read(Here(), str(tmp_path / "none"))


def test_a_line_is_an_entry():
    assert guarded.parse("root:nova 640 /etc/nova/nova.conf\n") == {"/etc/nova/nova.conf": Entry("root:nova", 0o640)}
