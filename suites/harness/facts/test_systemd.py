"""Units: running, enabled, failed, skipped or waiting for a restart, each told apart in one reading."""

from types import SimpleNamespace

import pytest

from deploy.facts import systemd
from deploy.facts.systemd import Unit


@pytest.fixture
def seen(recording):
    return lambda case: systemd.parse(recording("systemd", case))


def test_a_running_unit(seen):
    unit = seen("running")["mariadb"]
    assert unit == Unit("mariadb", "loaded", "active", "running", "enabled")
    assert (unit.is_active, unit.is_enabled, unit.is_failed) == (True, True, False)


def test_a_unit_that_others_start_is_active_and_not_enabled(seen):
    unit = seen("running")["keystone"]
    assert (unit.is_active, unit.is_enabled) == (True, False)


def test_a_unit_that_is_not_installed_has_failed(seen):
    unit = seen("running")["nope"]
    assert (unit.load, unit.is_active, unit.is_failed, unit.skipped) == ("not-found", False, True, False)


def test_a_unit_that_ended_has_failed(seen):
    unit = seen("failed")["keystone"]
    assert (unit.is_active, unit.is_failed) == (False, True)


def test_a_unit_that_systemd_starts_again_is_neither_active_nor_failed(seen):
    unit = seen("restarting")["keystone"]
    assert (unit.is_active, unit.is_failed, unit.active) == (False, False, "activating")


def test_a_start_that_a_condition_left_out_is_told(seen):
    unit = seen("condition-skipped")["keystone"]
    assert (unit.is_active, unit.is_failed, unit.skipped) == (False, False, True)


def test_a_unit_that_was_never_started_was_not_skipped(seen):
    assert not seen("never-started")["keystone"].skipped


def test_markers_are_told_for_the_units_they_name(seen):
    pending = {name: unit.pending for name, unit in seen("pending").items()}
    assert pending == {"mariadb": True, "keystone": True, "nope": False}
    assert not any(unit.pending for unit in seen("running").values())


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", "mariadb\n\n", "garbage"])
def test_of_nothing_nothing_is_told(text):
    assert systemd.parse(text) == {}


def host(text: str) -> SimpleNamespace:
    return SimpleNamespace(check=lambda _: text)


def test_every_unit_that_is_asked_for_is_in_the_answer(recording):
    units = systemd.units(host(recording("systemd", "running")), ["mariadb", "absent"])
    assert list(units) == ["mariadb", "absent"]
    assert not units["absent"].is_active
    assert units["absent"].is_failed


def test_nobody_is_asked_for_nothing():
    assert systemd.units(SimpleNamespace(), []) == {}
