"""Keystone has a wrong password for its database on one controller, as after half a rotation."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile

FAULT = "config-bad"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.configuration.wrong_password(drill.who.neither()))


class TestDatabasePasswordWrong(PromisesMeanwhile):
    pass
