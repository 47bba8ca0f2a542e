"""A snapshot: a site at one moment. Each question is put once, and a host that does not answer is not asked again."""

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
    """What the functions that find what is amiss read from. An answer is kept for all that ask the same question.

    `steps` names the steps whose units are read together; none: those of all steps, in the same number of commands.
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
        """What `amiss` yields, then what could not be read for it. Reads no more than the caller takes."""
        try:
            yield from amiss(self)
        except Interrupted:
            raise
        except StackproofError as error:
            yield Finding.of(error)
        yield from self.unread()

    def unread(self) -> Iterator[Finding]:
        """What hosts could not be asked since the last call, each once; a host that does not answer is one finding."""
        found, self._unread = self._unread, []
        yield from found

    def units(self, node: Node) -> list[Service]:
        """The services with a unit on that node, of the steps that are read together."""
        return [
            each for each in self.site.catalogue.on(node) if each.unit and (not self._steps or each.step in self._steps)
        ]

    def answering(self, hosts: Hosts) -> Hosts:
        """Those that are not known to be silent."""
        return hosts.without(*self._silent)

    def each(self, hosts: Hosts, fact: Callable[[Host], T], key: Hashable = None) -> dict[str, T]:
        """A fact of all those hosts, read in parallel, by their names; without the hosts that could not be asked.

        `key` names the question where `fact` is not the same function each time.
        """
        question = key or fact
        due = Hosts(host for host in self.answering(hosts).values() if (question, host.name) not in self._answers)
        for name, answer in due.each(partial(_answer, fact)).items():
            self._keep(question, name, answer)
        answers = {name: self._answers[question, name] for name in hosts if (question, name) in self._answers}
        return {name: cast(T, seen) for name, seen in answers.items() if not isinstance(seen, StackproofError)}

    def first(
        self, hosts: Hosts, fact: Callable[[Host], T], key: Hashable = None, *, usable: Callable[[T], bool] = _is_any
    ) -> T:
        """A fact of the first of those hosts whose answer is usable, or else the last answer that there is.

        Raises StackproofError where none could be asked.
        """
        answers: list[T] = []
        for host in hosts.values():
            answers += self.each(Hosts([host]), fact, key).values()
            if answers and usable(answers[-1]):
                break
        if not answers:
            raise StackproofError(f"none of {', '.join(hosts)} could be asked")
        return answers[-1]

    def once(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` returns or raises, read by the first who asks."""
        if (key, "") not in self._answers:
            self._answers[key, ""] = _answer(lambda _: read(), None)
        answer = self._answers[key, ""]
        if isinstance(answer, StackproofError):
            raise answer
        return cast(T, answer)

    def opened(self, key: Hashable, make: Callable[[], AbstractContextManager[T]]) -> T:
        """What stays open until the snapshot ends, such as a session; opened by the first who asks."""
        return self.once(key, lambda: self._opened.enter_context(make()))

    def _keep(self, question: Hashable, name: str, answer: object) -> None:
        self._answers[question, name] = answer
        if isinstance(answer, StackproofError):
            self._unread.append(Finding.of(answer, name))
        if isinstance(answer, HostUnreachable):
            self._silent.add(name)


def _answer(fact: Callable[[H], T], host: H) -> T | StackproofError:
    """What a reading returns, or the error that it raises."""
    try:
        return fact(host)
    except Interrupted:
        raise
    except StackproofError as error:
        return error
