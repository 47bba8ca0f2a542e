"""What the lab raises in the runner's kernel, it sets back."""

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


def test_raised_twice_and_restored_to_the_first(setting):
    tuning.at_least(NAME, 256)
    tuning.at_least(NAME, 512)
    assert setting.read_text() == "512"
    tuning.restore()
    assert setting.read_text() == "128"
    setting.write_text("77")
    tuning.restore()
    assert setting.read_text() == "77"


def test_what_is_high_enough_is_left_alone(setting, tmp_path):
    tuning.at_least(NAME, 64)
    assert setting.read_text() == "128\n"
    assert not (tmp_path / "record").exists()


def test_half_a_record_restores_nothing(setting, tmp_path):
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "fs.inotify.part").write_text("")
    tuning.restore()
    assert setting.read_text() == "128\n"
