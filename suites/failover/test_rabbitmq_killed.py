"""RabbitMQ is killed on one controller."""

import pytest

from fixtures.drills.promises import Promises

FAULT = "process-kill"


@pytest.fixture(scope="module")
def record(drill):
    return drill(lambda: drill.process.kill(drill.who.not_writer(), "rabbitmq"))


class TestRabbitmqKilled(Promises):
    pass
