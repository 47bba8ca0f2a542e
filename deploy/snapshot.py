"""A snapshot: readings of a site at one moment. Each is made once; an unreachable host is not contacted again."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TypeVar, cast

from deploy.catalogue import Service
from deploy.errors import HostUnreachable, Interrupted, StackproofError
from deploy.finding import Finding
from deploy.host import Host, Hosts
from deploy.inventory import Node
from deploy.site import Site

T = TypeVar("T")
H = TypeVar("H")


def _is_any(_: object) -> bool:
    return True


class Snapshot:
    """The source of readings for the steps' `amiss` functions. The result of each reading is kept for all callers.

    `steps` names the steps whose units are read together; without names, units of all steps are, in as many commands.
    """

    def __init__(self, site: Site, *steps: str) -> None:
        self.site = site
        self._steps = steps
        self._answers: dict[tuple[Hashable, str], object] = {}
        self._silent: set[str] = set()
        self._unread: list[Finding] = []
        self._opened = ExitStack()

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def findings(self, amiss: Callable[["Snapshot"], Iterator[Finding]]) -> Iterator[Finding]:
        """Yield the findings of `amiss`, then a finding per failed reading. Reads no more than the caller consumes."""
        try:
            yield from amiss(self)
        except Interrupted:
            raise
        except StackproofError as error:
            yield Finding.of(error)
        yield from self.unread()

    def unread(self) -> Iterator[Finding]:
        """Yield the failed readings since the last call; an unreachable host is one finding."""
        found, self._unread = self._unread, []
        yield from found

    def units(self, node: Node) -> list[Service]:
        """Return the services with a unit on that node, of the steps that are read together."""
        return [
            each for each in self.site.catalogue.on(node) if each.unit and (not self._steps or each.step in self._steps)
        ]

    def answering(self, hosts: Hosts) -> Hosts:
        """Return the hosts without those known to be unreachable."""
        return hosts.without(*self._silent)

    def each(self, hosts: Hosts, fact: Callable[[Host], T], key: Hashable = None) -> dict[str, T]:
        """Return a fact of the hosts, read in parallel, by host name; hosts whose reading failed are left out.

        `key` identifies the reading where `fact` is a new function at each call.
        """
        reading = key or fact
        due = Hosts(host for host in self.answering(hosts).values() if (reading, host.name) not in self._answers)
        for name, answer in due.each(partial(_answer, fact)).items():
            self._keep(reading, name, answer)
        answers = {name: self._answers[reading, name] for name in hosts if (reading, name) in self._answers}
        return {name: cast(T, answer) for name, answer in answers.items() if not isinstance(answer, StackproofError)}

    def first(
        self, hosts: Hosts, fact: Callable[[Host], T], key: Hashable = None, *, usable: Callable[[T], bool] = _is_any
    ) -> T:
        """Return the first usable fact of the hosts, read one after the other; without one, the last fact read.

        Raises StackproofError where every reading failed.
        """
        answers: list[T] = []
        for host in hosts.values():
            answers += self.each(Hosts([host]), fact, key).values()
            if answers and usable(answers[-1]):
                break
        if not answers:
            raise StackproofError(f"none of {', '.join(hosts)} could be read")
        return answers[-1]

    def once(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return the result of `read`, or raise its error; the first call with this key makes the reading."""
        if (key, "") not in self._answers:
            self._answers[key, ""] = _answer(lambda _: read(), None)
        answer = self._answers[key, ""]
        if isinstance(answer, StackproofError):
            raise answer
        return cast(T, answer)

    def opened(self, key: Hashable, make: Callable[[], AbstractContextManager[T]]) -> T:
        """Return an object that stays open until the snapshot ends, such as a session; the first call opens it."""
        return self.once(key, lambda: self._opened.enter_context(make()))

    def _keep(self, reading: Hashable, name: str, answer: object) -> None:
        self._answers[reading, name] = answer
        if isinstance(answer, StackproofError):
            self._unread.append(Finding.of(answer, name))
        if isinstance(answer, HostUnreachable):
            self._silent.add(name)


def _answer(fact: Callable[[H], T], host: H) -> T | StackproofError:
    """Return the result of a reading, or the error that it raises."""
    try:
        return fact(host)
    except Interrupted:
        raise
    except StackproofError as error:
        return error
