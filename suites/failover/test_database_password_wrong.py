"""Keystone has a wrong database password on one controller, as after an unfinished rotation of passwords."""

import pytest

from fixtures.drills.promises import PromisesMeanwhile

FAULT = "config-bad"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.configuration.wrong_password(drill.who.neither()))


class TestDatabasePasswordWrong(PromisesMeanwhile):
    pass
