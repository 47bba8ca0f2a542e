"""Control groups of the lab: who is in them is told also while they come and go."""

import shutil
from pathlib import Path

from deploy.lab import groups


def test_a_group_that_goes_during_the_look_is_passed_over(tmp_path, monkeypatch):
    for place, pids in (("controller01", "1\n"), ("controller01/a", "2\n"), ("controller01/b", "3\n")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "cgroup.procs").write_text(pids)
    monkeypatch.setattr(groups, "parent", lambda: tmp_path)
    assert sorted(groups.members("controller01")) == [1, 2, 3]
    read = Path.read_text

    def read_and_lose(path: Path) -> str:
        """Once one of the inner groups was read, the other one is gone: the walk has listed it already."""
        text = read(path)
        other = {"a": "b", "b": "a"}.get(path.parent.name)
        if other:
            shutil.rmtree(tmp_path / "controller01" / other, ignore_errors=True)
        return text

    monkeypatch.setattr(Path, "read_text", read_and_lose)
    assert sorted(groups.members("controller01")) in ([1, 2], [1, 3])


def test_a_host_without_power_has_no_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "parent", lambda: tmp_path)
    assert groups.members("controller01") == []
