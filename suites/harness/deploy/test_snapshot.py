"""A snapshot: each question is put once, and a host that does not answer is asked nothing more."""

from contextlib import contextmanager

import pytest

from deploy.errors import CommandFailed, HostUnreachable, Interrupted, StackproofError
from deploy.host import Hosts
from deploy.snapshot import Snapshot


@pytest.fixture
def site(site_of):
    return site_of("lab")


class Fact:
    """Tells the host's name; keeps who was asked, and fails for some."""

    def __init__(self, **failures: StackproofError) -> None:
        self.asked, self.failures = [], failures

    def __call__(self, host) -> str:
        self.asked.append(host.name)
        if host.name in self.failures:
            raise self.failures[host.name]
        return host.name


def test_a_fact_is_read_once_on_each_host(site):
    now, fact = Snapshot(site), Fact()
    everywhere = {name: name for name in site.hosts}
    assert now.each(site.controllers, fact) == {name: name for name in site.controllers}
    assert now.each(site.hosts, fact) == everywhere
    assert now.first(site.hosts, fact) == "controller01"
    assert sorted(fact.asked) == sorted(everywhere)


def test_a_key_stands_for_facts_that_are_not_the_same_function(site):
    now, facts = Snapshot(site), [Fact(), Fact()]
    for fact in facts:
        now.each(site.controllers, fact, "names")
    assert [len(fact.asked) for fact in facts] == [3, 0]


def test_a_host_that_does_not_answer_is_asked_nothing_more_and_told_once(site):
    gone = HostUnreachable("controller02: SSH does not answer", hint="is it on?")
    now, fact, other = Snapshot(site), Fact(controller02=gone), Fact()
    assert set(now.each(site.controllers, fact)) == {"controller01", "controller03"}
    assert set(now.each(site.controllers, other)) == {"controller01", "controller03"}
    (found,) = now.unread()
    assert (str(found), found.hint) == ("controller02: SSH does not answer", "is it on?")
    assert list(now.unread()) == []
    assert list(now.answering(site.controllers)) == ["controller01", "controller03"]


def test_one_that_fails_at_one_question_is_asked_the_next(site):
    now = Snapshot(site)
    now.each(site.controllers, Fact(controller02=CommandFailed("controller02: `x` failed", seen="exit code 1")))
    assert set(now.each(site.controllers, Fact())) == set(site.controllers)
    assert [str(found) for found in now.unread()] == ["controller02: `x` failed: exit code 1"]


def test_the_first_usable_answer_is_taken_or_else_the_last_there_is(site):
    assert Snapshot(site).first(site.controllers, Fact(), usable=lambda name: name > "controller01") == "controller02"
    assert Snapshot(site).first(site.controllers, Fact(), usable=lambda _: False) == "controller03"
    gone = {name: HostUnreachable("gone") for name in site.controllers}
    with pytest.raises(StackproofError, match="none of controller01, controller02, controller03 could be read"):
        Snapshot(site).first(site.controllers, Fact(**gone))


def test_what_is_read_once_is_kept_and_so_is_its_error(site):
    now, asked = Snapshot(site), []
    assert [now.once("it", lambda: asked.append(1) or "said") for _ in range(2)] == ["said", "said"]

    def fail() -> str:
        asked.append(2)
        raise CommandFailed("no")

    for _ in range(2):
        with pytest.raises(CommandFailed):
            now.once("other", fail)
    assert asked == [1, 2]


def test_what_is_opened_is_closed_at_the_end(site):
    told = []

    @contextmanager
    def session():
        told.append("opened")
        yield "it"
        told.append("closed")

    with Snapshot(site) as now:
        assert now.opened("session", session) == now.opened("session", session) == "it"
        assert told == ["opened"]
    assert told == ["opened", "closed"]


def test_an_interruption_is_no_answer(site):
    with pytest.raises(Interrupted):
        Snapshot(site).each(Hosts([site.hosts["controller01"]]), Fact(controller01=Interrupted("interrupted")))


def test_units_are_read_together_of_all_steps_or_of_those_that_are_named(site):
    node = site.hosts["controller01"].node
    assert {service.step for service in Snapshot(site, "galera", "etcd").units(node)} == {"galera", "etcd"}
    assert {service.step for service in Snapshot(site).units(node)} > {"galera", "etcd", "nova"}
