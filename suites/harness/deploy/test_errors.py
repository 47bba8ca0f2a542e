"""Errors: the order of their parts, and that they survive pickling and copying."""

import copy
import importlib
import pickle
import pkgutil

import pytest

import deploy
from deploy.errors import CommandFailed, InventoryError, StackproofError

for module in pkgutil.walk_packages(deploy.__path__, "deploy."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)


def kinds(base: type[StackproofError]) -> list[type[StackproofError]]:
    return [base, *(kind for child in base.__subclasses__() for kind in kinds(child))]


WHOLE = {"expected": "exit code 0", "seen": "exit code 1", "evidence": "the log", "hint": "look there"}


def test_the_parts_have_a_fixed_order():
    text = str(StackproofError("controller01: `true` failed", **WHOLE))
    assert text.splitlines() == [
        "controller01: `true` failed",
        "  expected   exit code 0",
        "  last seen  exit code 1",
        "  evidence   the log",
        "  what to do look there",
    ]


def test_an_empty_part_is_left_out():
    assert str(StackproofError("it failed", hint="look there")) == "it failed\n  what to do look there"
    assert str(StackproofError("it failed")) == "it failed"


@pytest.mark.parametrize("kind", kinds(StackproofError), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("through", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])  # noqa: S301
def test_an_error_survives_pickling_and_copying(kind, through):
    error = kind("it failed", **WHOLE)
    other = through(error)
    assert type(other) is kind
    assert str(other) == str(error)
    assert (other.what, other.expected, other.hint) == ("it failed", "exit code 0", "look there")


def test_all_errors_share_a_base_and_differ_in_kind():
    with pytest.raises(StackproofError):
        raise CommandFailed("x")
    assert not issubclass(CommandFailed, InventoryError)


def test_every_kind_of_error_has_a_docstring():
    assert [kind.__name__ for kind in kinds(StackproofError) if not kind.__doc__] == []
