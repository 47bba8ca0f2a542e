"""Earlier versions: the files that they left are told, and a host that does not answer is no clean host."""

import shutil
import subprocess
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed
from deploy.facts import earlier


def check(_: str, *paths: str, stdin: str) -> str:
    """Run the script of a host here."""
    command = [shutil.which("sh"), "-s", "--", *paths]
    return subprocess.run(command, input=stdin, text=True, capture_output=True, check=False).stdout


def test_files_that_are_left_are_told(tmp_path):
    there, dangling, absent = (str(tmp_path / name) for name in ("a file", "link", "absent"))
    (tmp_path / "a file").touch()
    (tmp_path / "link").symlink_to(absent)
    assert earlier.left(SimpleNamespace(name="c1", check=check), [there, absent, dangling]) == [there, dangling]


def test_an_answer_without_its_end_is_an_error():
    with pytest.raises(CommandFailed, match="c1: files of earlier versions: not known"):
        earlier.left(SimpleNamespace(name="c1", check=lambda *_, **__: ""), ["/a"])


def test_no_host_is_asked_for_nothing():
    assert earlier.left(SimpleNamespace(), []) == []
