"""Accounts of RabbitMQ: tags, rights and connections are told; what is not understood is an error, and not nobody."""

import json
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed
from deploy.facts import queue_accounts
from deploy.facts.queue_accounts import EVERYTHING, Account, Accounts


def answering(text: str) -> SimpleNamespace:
    return SimpleNamespace(name="controller01", run=lambda *_, **__: SimpleNamespace(ok=True, out=text))


def test_accounts_are_told_with_their_tags_rights_and_connections(recording):
    assert queue_accounts.read(answering(recording("queue_accounts", "being-converted"))) == Accounts(
        {
            "openstack": Account(("monitoring",), {"/": EVERYTHING}, 41),
            "monitor": Account(("monitoring",)),
            "nova": Account((), {"nova": EVERYTHING}, 12),
        },
        frozenset({"/", "nova"}),
    )


@pytest.mark.parametrize("text", ["", "[5]", json.dumps({"accounts": [{"name": "x"}]}), "garbage", "{}"])
def test_accounts_that_are_not_understood_are_an_error(text):
    with pytest.raises(CommandFailed, match="controller01: RabbitMQ did not list its accounts"):
        queue_accounts.read(answering(text))
