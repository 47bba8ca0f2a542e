"""RabbitMQ freezes on one controller."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "frozen"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.freeze(drill.who.not_writer(), "rabbitmq"))


class TestRabbitmqFrozen(Promises):
    pass
