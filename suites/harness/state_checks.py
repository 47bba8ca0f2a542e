"""All checks of suites/state with all their subjects, to be called without hosts: stand-ins answer their questions."""

from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import signature
from itertools import product
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from deploy.errors import CommandFailed
from deploy.host import Result
from deploy.inventory import Node
from deploy.site import Site
from fixtures.checks.dashboard import Visit, Visited
from fixtures.checks.plugin import fail, node_of
from fixtures.checks.questions import Answer, Call, Command, Handshake, Page, Question, Served, Ticket
from fixtures.checks.readings import Readings
from fixtures.checks.rehearsal import Given, rehearsal
from fixtures.checks.subjects import SUBJECTS, Intended, name

STATE = Path(__file__).parents[1] / "state"


class StandIns(Readings):
    """Readings where `answers` stands in for every host; no page, no Keystone and, without `cloud`, no API answers."""

    def __init__(self, site: Site, answers: Callable[[Command], tuple[int, str]], cloud: object = None) -> None:
        super().__init__(site)
        self._answers, self._api = answers, cloud

    def ask(self, question: Question) -> Any:
        """Answer at once, as a host or the runner would."""
        if isinstance(question, Command):
            return Result(question.host, question.text, *self._answers(question), "")
        if isinstance(question, Page):
            return Answer(0, "ConnectTimeout")
        if isinstance(question, Handshake):
            return Served("ConnectTimeout")
        if isinstance(question, Visit):
            return Visited(why="ConnectTimeout")
        if not isinstance(question, Call):
            return Ticket(0, why="ConnectTimeout")
        if self._api is None:
            raise CommandFailed("the API does not answer")
        return question.read(self._api)


def bound(readings: Readings) -> Iterator[tuple[str, str, Node | None, Callable[[], object]]]:
    """Yield `module::test`, the subject's text, the node and the check itself, for each check and subject."""
    intended = Intended.of(readings.site.cluster)
    for path in sorted(STATE.glob("test_*.py")):
        module = import_module(f"suites.state.{path.stem}")
        for test, check in vars(module).items():
            if test.startswith("test_"):
                for params in _params(module, check, intended):
                    node = node_of(SimpleNamespace(callspec=SimpleNamespace(params=params)))  # type: ignore[arg-type]
                    given = params | {"record_property": lambda *_: None}
                    call = rehearsal(check, list(signature(check).parameters), given, Given(readings, node, fail))
                    assert call is not None, f"{test} takes a fixture that stand-ins do not have"
                    yield f"{path.stem}::{test}", "-".join(map(name, params.values())), node, call


def _params(module: ModuleType, check: Callable[..., object], intended: Intended) -> Iterator[dict[str, Any]]:
    marks = [mark.args for mark in getattr(check, "pytestmark", ()) if mark.name == "parametrize"]
    listed = {names: [getattr(value, "values", (value,))[0] for value in values] for names, values in marks}
    for argument in signature(check).parameters:
        if argument in SUBJECTS:
            listed[argument] = list(SUBJECTS[argument](intended))
    yield from (dict(zip(listed, values, strict=True)) for values in product(*listed.values()))
