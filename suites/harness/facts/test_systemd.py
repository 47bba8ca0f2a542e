"""Facts of units: running, enabled, failed, skipped, or waiting for a restart."""

from types import SimpleNamespace

import pytest

from deploy.facts import systemd
from deploy.facts.systemd import Unit


@pytest.fixture
def units_of(recording):
    return lambda case: systemd.parse(recording("systemd", case))


def test_a_running_unit(units_of):
    unit = units_of("running")["mariadb"]
    assert unit == Unit("mariadb", "loaded", "active", "running", "enabled")
    assert (unit.is_active, unit.is_enabled, unit.is_failed) == (True, True, False)


def test_a_unit_started_by_pacemaker_is_active_and_not_enabled(units_of):
    unit = units_of("running")["keystone"]
    assert (unit.is_active, unit.is_enabled) == (True, False)


def test_a_unit_that_is_not_installed_has_failed(units_of):
    unit = units_of("running")["nope"]
    assert (unit.load, unit.is_active, unit.is_failed, unit.skipped) == ("not-found", False, True, False)


def test_a_unit_that_ended_has_failed(units_of):
    unit = units_of("failed")["keystone"]
    assert (unit.is_active, unit.is_failed) == (False, True)


def test_a_unit_that_systemd_starts_again_is_neither_active_nor_failed(units_of):
    unit = units_of("restarting")["keystone"]
    assert (unit.is_active, unit.is_failed, unit.active) == (False, False, "activating")


def test_a_start_that_a_condition_prevented_is_skipped(units_of):
    unit = units_of("condition-skipped")["keystone"]
    assert (unit.is_active, unit.is_failed, unit.skipped) == (False, False, True)


def test_a_unit_that_was_never_started_was_not_skipped(units_of):
    assert not units_of("never-started")["keystone"].skipped


def test_a_marker_makes_its_unit_pending(units_of):
    pending = {name: unit.pending for name, unit in units_of("pending").items()}
    assert pending == {"mariadb": True, "keystone": True, "nope": False}
    assert not any(unit.pending for unit in units_of("running").values())


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", "mariadb\n\n", "garbage"])
def test_unreadable_output_lists_no_unit(text):
    assert systemd.parse(text) == {}


def host(text: str) -> SimpleNamespace:
    return SimpleNamespace(check=lambda _: text)


def test_every_unit_asked_for_is_in_the_answer(recording):
    units = systemd.units(host(recording("systemd", "running")), ["mariadb", "absent"])
    assert list(units) == ["mariadb", "absent"]
    assert not units["absent"].is_active
    assert units["absent"].is_failed


def test_no_unit_means_no_command():
    assert systemd.units(SimpleNamespace(), []) == {}


def test_a_value_may_have_equals_signs_and_a_block_no_unit():
    text = "\n\nLoadState=loaded\n\nId=a.service\nActiveState=active\nEnvironment=A=B\n"
    assert systemd.parse(text)["a"].is_active
    assert list(systemd.parse(text)) == ["a"]
