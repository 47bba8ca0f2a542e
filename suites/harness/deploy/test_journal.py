"""The journal: every listener gets every event, masked, with the step it belongs to, from whatever thread."""

import threading
from contextvars import copy_context

import pytest

from deploy.host import Host, Hosts
from deploy.inventory import Ssh
from deploy.journal import JOURNAL, Journal, within


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def told(journal) -> list:
    events = []
    journal.subscribe(events.append)
    return events


def test_every_listener_gets_every_event(journal, told):
    other = []
    journal.subscribe(other.append)
    journal.emit("change", "wrote a file", host="controller01", seconds=1.5)
    assert told == other
    assert (told[0].kind, told[0].text, told[0].host, told[0].seconds) == (
        "change",
        "wrote a file",
        "controller01",
        1.5,
    )


def test_who_left_gets_nothing_and_may_leave_twice(journal):
    told = []
    leave = journal.subscribe(told.append)
    leave()
    leave()
    journal.emit("note", "text")
    assert told == []


def emitted(journal: Journal, text: str) -> None:
    """Emit on a thread of its own, so that a journal that waits for itself fails and does not hang."""
    thread = threading.Thread(target=journal.emit, args=("note", text), daemon=True)
    thread.start()
    thread.join(timeout=5)
    assert not thread.is_alive(), "the journal waits for itself"


def test_a_listener_may_leave_while_it_is_told(journal, told):
    leave = journal.subscribe(lambda _: leave())
    later = []
    journal.subscribe(later.append)
    emitted(journal, "text")
    assert len(told) == len(later) == 1


def test_a_listener_may_have_something_to_tell_itself(journal, told):
    journal.subscribe(lambda event: journal.emit("note", "second") if event.text == "first" else None)
    emitted(journal, "first")
    assert [event.text for event in told] == ["first", "second"]


def test_secrets_are_masked_before_anyone_is_told(journal, told):
    journal.redact = lambda text: text.replace("hunter2", "***")
    journal.emit("note", "the password is hunter2")
    assert told[0].text == "the password is ***"


def test_an_event_belongs_to_the_innermost_step(journal, told):
    journal.emit("note", "before")
    with within("outer"):
        with within("inner"):
            journal.emit("note", "inside")
        journal.emit("note", "between")
    journal.emit("note", "after")
    assert [event.step for event in told] == ["", "inner", "outer", ""]


def test_a_step_that_fails_is_left_too(journal, told):
    with pytest.raises(ValueError, match="x"), within("outer"):
        raise ValueError("x")
    journal.emit("note", "after")
    assert told[0].step == ""


def test_events_of_a_thread_belong_to_the_step_it_was_given(journal, told):
    with within("galera"):
        thread = threading.Thread(target=copy_context().run, args=(journal.emit, "note", "x"))
        thread.start()
        thread.join()
    assert told[0].step == "galera"


def test_work_on_many_hosts_belongs_to_the_step_that_does_it(events, site_of):
    hosts = Hosts(Host(node, Ssh()) for node in site_of("lab").cluster.nodes)
    with within("galera"):
        hosts.each(lambda host: JOURNAL.emit("change", "did it", host=host.name))
    assert {(event.step, event.host) for event in events} == {("galera", name) for name in hosts}
    assert len(events) == len(hosts)


def test_no_event_of_many_threads_is_lost(journal, told):
    threads = [threading.Thread(target=lambda: [journal.emit("note", "x") for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 400


def test_later_events_have_later_times(journal, told):
    journal.emit("note", "first")
    journal.emit("note", "second")
    assert told[0].at <= told[1].at
