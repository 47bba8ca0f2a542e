"""What is wrong in a package's own file is found by its line, and mended in place; what runs it is to be restarted."""

import subprocess

import pytest

from deploy.defect import Defect
from deploy.facts import defects
from deploy.host import spelled
from deploy.steps import base

LINE, MENDED = "    if it's \\n$HOME:", "    if 'this' & \\that:"


class Here:
    """Runs on this machine what is run on a host."""

    def __init__(self, node):
        self.node, self.told = node, []

    def check(self, command, *arguments):
        return self._run(spelled(command, arguments)).stdout

    def change(self, what, script):
        self._run(script)
        self.told.append(what)

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


def test_it_is_mended_where_the_whole_line_is_there(site, host, defect, tmp_path):
    file = tmp_path / "with space.py"
    assert defects.left(host, [defect]) == [defect]
    base.mend(site, host, defect)
    assert file.read_text() == f"def f():\n{MENDED}\n    {LINE}\n{LINE} pass\nlast\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert defects.left(host, [defect]) == []
    assert host.told == [f"mended {file}"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "with space.py"]


def test_only_what_the_host_has_is_to_be_restarted(site, host, defect, tmp_path):
    base.mend(site, host, defect)
    assert [path.name for path in (tmp_path / "state/pending").iterdir()] == ["nova-compute"]


def test_a_file_that_is_not_there_or_is_right_has_no_defect(host, defect, tmp_path):
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
