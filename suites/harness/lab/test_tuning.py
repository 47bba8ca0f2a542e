"""Kernel settings that the lab raises on the runner are restored."""

import pytest

from deploy.lab import tuning

NAME = "fs/inotify/max_user_instances"


@pytest.fixture
def setting(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "_SYSCTL", tmp_path / "sys")
    monkeypatch.setattr(tuning, "_RECORD", tmp_path / "record")
    setting = tmp_path / "sys" / NAME
    setting.parent.mkdir(parents=True)
    setting.write_text("128\n")
    return setting


def test_setting_raised_twice_is_restored_to_its_first_value(setting):
    tuning.at_least(NAME, 256)
    tuning.at_least(NAME, 512)
    assert setting.read_text() == "512"
    tuning.restore()
    assert setting.read_text() == "128"
    setting.write_text("77")
    tuning.restore()
    assert setting.read_text() == "77"


def test_high_enough_setting_is_unchanged(setting, tmp_path):
    tuning.at_least(NAME, 64)
    assert setting.read_text() == "128\n"
    assert not (tmp_path / "record").exists()


def test_partial_record_restores_nothing(setting, tmp_path):
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "fs.inotify.part").write_text("")
    tuning.restore()
    assert setting.read_text() == "128\n"


@pytest.mark.parametrize(("hosts", "table"), [(3, 1024), (9, 1024), (40, 9600)])
def test_neighbour_table_grows_for_many_hosts_only(setting, tmp_path, hosts, table):
    neighbours = tmp_path / "sys" / tuning.NEIGHBOURS
    neighbours.parent.mkdir(parents=True)
    neighbours.write_text("1024\n")
    tuning.for_hosts(hosts, 3)
    assert int(neighbours.read_text()) == table
    tuning.restore()
    assert int(neighbours.read_text()) == 1024


def test_runner_in_a_container_has_no_neighbour_table_setting(setting):
    tuning.for_hosts(40, 3)
    assert int(setting.read_text()) > 128
