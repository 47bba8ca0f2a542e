"""Defects: a wrong line in a package's file is replaced in place, and the units that run it get a pending restart."""

import subprocess

import pytest

from deploy.defect import Defect
from deploy.facts import defects
from deploy.host import spelled
from deploy.steps import base

LINE, MENDED = "    if it's \\n$HOME:", "    if 'this' & \\that:"


class Here:
    """A host double that runs its commands on this machine."""

    def __init__(self, node):
        self.node, self.changes = node, []

    def check(self, command, *arguments):
        return self._run(spelled(command, arguments)).stdout

    def change(self, what, script):
        self._run(script)
        self.changes.append(what)

    def _run(self, text):
        return subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)


@pytest.fixture
def site(site_of):
    return site_of("lab")


@pytest.fixture
def host(site, tmp_path, monkeypatch):
    monkeypatch.setattr(base, "STATE", tmp_path / "state")
    return Here(site.cluster.node("compute01"))


@pytest.fixture
def defect(tmp_path):
    file = tmp_path / "with space.py"
    file.write_text(f"def f():\n{LINE}\n    {LINE}\n{LINE} pass\nlast\n")
    file.chmod(0o640)
    return Defect(str(file), LINE, MENDED, "a reason", ("nova-compute", "neutron-server", "keystone"))


def test_defect_is_corrected_only_where_the_whole_line_matches(site, host, defect, tmp_path):
    file = tmp_path / "with space.py"
    assert defects.left(host, [defect]) == [defect]
    base.mend(site, host, defect)
    assert file.read_text() == f"def f():\n{MENDED}\n    {LINE}\n{LINE} pass\nlast\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert defects.left(host, [defect]) == []
    assert host.changes == [f"mended {file}"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "with space.py"]


def test_only_units_of_the_host_get_a_pending_restart(site, host, defect, tmp_path):
    base.mend(site, host, defect)
    assert [path.name for path in (tmp_path / "state/pending").iterdir()] == ["nova-compute"]


def test_missing_or_correct_file_has_no_defect(host, defect, tmp_path):
    right = tmp_path / "right.py"
    right.write_text(MENDED)
    absent = Defect(str(tmp_path / "none.py"), LINE, MENDED, "", ())
    known = [absent, defect, Defect(str(right), LINE, MENDED, "", ())]
    assert defects.left(host, known) == [defect]


def test_every_defect_names_units_of_the_catalogue(site):
    known = {service.unit for service in site.catalogue.services}
    for defect in defects.known(site.platform, site.catalogue):
        assert set(defect.units) <= known
        assert defect.line != defect.mended
