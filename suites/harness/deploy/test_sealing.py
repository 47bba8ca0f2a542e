"""Sealed secrets: another runner opens them with the passphrase, and nothing else does."""

import json

import pytest

from deploy.errors import StackproofError
from deploy.sealing import opened, seal

PASSPHRASE = "correct horse battery"
VALUES = {"galera.nova": "0123456789abcdef", "nova.ssh": "-----BEGIN KEY-----\nlines\n"}


@pytest.fixture(scope="module")
def sealed():
    return seal("production", VALUES, PASSPHRASE)


def test_the_passphrase_opens_them(sealed):
    assert opened(sealed, PASSPHRASE) == ("production", VALUES)


def test_no_secret_and_no_use_is_readable(sealed):
    assert not [text for pair in VALUES.items() for text in pair if text in sealed]


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda found: found, id="wrong passphrase"),
        pytest.param(lambda found: {**found, "data": found["data"][:-8] + "AAAAAAA="}, id="changed data"),
        pytest.param(lambda found: {**found, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="}, id="changed salt"),
    ],
)
def test_what_is_wrong_does_not_open(sealed, spoilt):
    with pytest.raises(StackproofError, match="cannot be opened"):
        opened(json.dumps(spoilt(json.loads(sealed))), PASSPHRASE + "?")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"format": "stackproof-secrets-2"}'])
def test_another_file_is_told(text):
    with pytest.raises(StackproofError, match="no sealed secrets"):
        opened(text, PASSPHRASE)


def test_a_short_passphrase_is_refused():
    with pytest.raises(StackproofError, match="too short"):
        seal("production", VALUES, "short")
