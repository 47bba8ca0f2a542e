"""Standing: records are read back as they were written, and a host built before there were any tells by its units."""

import json
import os
import subprocess

import pytest

from deploy.facts import standing
from deploy.facts.standing import Record, Standing
from deploy.host import Reads, Result
from deploy.inventory import Node

GLANCE = Record(
    "glance",
    units=("glance-api",),
    files=("/etc/glance/glance-api.conf",),
    clones=("glance",),
    proxies=("glance",),
    endpoints=(("glance", "image"),),
    account="glance",
    databases=("glance",),
    data=("/var/lib/glance/images",),
)


def test_a_record_is_read_as_it_was_written():
    text = GLANCE.text + Record("etcd", units=("etcd",)).text
    assert standing.parse(text) == Standing((GLANCE, Record("etcd", units=("etcd",))))


def test_a_record_with_more_in_it_is_read():
    assert standing.parse(json.dumps({**json.loads(GLANCE.text), "newer": 1})).records == (GLANCE,)


class ThisMachine(Reads):
    """A host whose commands run here, where systemd calls only one unit active."""

    def __init__(self, folder) -> None:
        super().__init__(Node("c1", (), {}))
        (folder / "systemctl").write_text('#!/bin/sh\n[ "$3" = glance-api ]\n')
        (folder / "systemctl").chmod(0o755)
        self._environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}

    def run(self, command, *_, stdin="", **__):
        ended = subprocess.run(
            ["sh", "-c", command], check=False, input=stdin, capture_output=True, text=True, env=self._environment
        )
        return Result(self.name, command, ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(standing, "FOLDER", str(tmp_path / "projects"))
    monkeypatch.setattr(standing, "_ASK", standing._ASK.replace("/etc/stackproof/cluster", str(tmp_path / "cluster")))
    return tmp_path


def test_a_bare_machine_tells_nothing(kept):
    assert standing.read(ThisMachine(kept), ["glance-api"]) == Standing()


def test_units_of_projects_without_a_record_are_read_beside_the_records(kept):
    (kept / "projects").mkdir()
    (kept / "projects/glance").write_text(GLANCE.text)
    (kept / "cluster").write_text("lab\n")
    found = standing.read(ThisMachine(kept), ["glance-api", "etcd"])
    assert found == Standing((GLANCE,), frozenset({"glance-api"}))


def test_where_none_are_active_units_tell(kept):
    (kept / "cluster").write_text("lab\n")
    assert standing.read(ThisMachine(kept), ["glance-api", "etcd"]) == Standing(active=frozenset({"glance-api"}))
