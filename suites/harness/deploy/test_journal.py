"""The journal: every listener gets every event of every thread, masked, with its step."""

import errno
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
def received(journal) -> list:
    events = []
    journal.subscribe(events.append)
    return events


def test_every_listener_gets_every_event(journal, received):
    other = []
    journal.subscribe(other.append)
    journal.emit("change", "wrote a file", host="controller01", seconds=1.5)
    assert received == other
    assert (received[0].kind, received[0].text, received[0].host, received[0].seconds) == (
        "change",
        "wrote a file",
        "controller01",
        1.5,
    )


def test_unsubscribing_twice_is_harmless_and_ends_delivery(journal):
    received = []
    unsubscribe = journal.subscribe(received.append)
    unsubscribe()
    unsubscribe()
    journal.emit("note", "text")
    assert received == []


def emitted(journal: Journal, text: str) -> None:
    """Emit on a separate thread, so that a deadlock in the journal fails the test instead of hanging it."""
    thread = threading.Thread(target=journal.emit, args=("note", text), daemon=True)
    thread.start()
    thread.join(timeout=5)
    assert not thread.is_alive(), "deadlock in the journal"


def test_a_listener_may_unsubscribe_during_delivery(journal, received):
    unsubscribe = journal.subscribe(lambda _: unsubscribe())
    later = []
    journal.subscribe(later.append)
    emitted(journal, "text")
    assert len(received) == len(later) == 1


def test_a_listener_may_emit_an_event(journal, received):
    journal.subscribe(lambda event: journal.emit("note", "second") if event.text == "first" else None)
    emitted(journal, "first")
    assert [event.text for event in received] == ["first", "second"]


def test_secrets_are_masked_before_delivery(journal, received):
    journal.redact = lambda text: text.replace("hunter2", "***")
    journal.emit("note", "the password is hunter2")
    assert received[0].text == "the password is ***"


def test_an_event_belongs_to_the_innermost_step(journal, received):
    journal.emit("note", "before")
    with within("outer"):
        with within("inner"):
            journal.emit("note", "inside")
        journal.emit("note", "between")
    journal.emit("note", "after")
    assert [event.step for event in received] == ["", "inner", "outer", ""]


def test_a_failed_step_gets_no_later_events(journal, received):
    with pytest.raises(ValueError, match="x"), within("outer"):
        raise ValueError("x")
    journal.emit("note", "after")
    assert received[0].step == ""


def test_a_thread_s_events_belong_to_the_step_of_its_context(journal, received):
    with within("galera"):
        thread = threading.Thread(target=copy_context().run, args=(journal.emit, "note", "x"))
        thread.start()
        thread.join()
    assert received[0].step == "galera"


def test_events_of_work_on_many_hosts_belong_to_the_step(events, site_of):
    hosts = Hosts(Host(node, Ssh()) for node in site_of("lab").cluster.nodes)
    with within("galera"):
        hosts.each(lambda host: JOURNAL.emit("change", "did it", host=host.name))
    assert {(event.step, event.host) for event in events} == {("galera", name) for name in hosts}
    assert len(events) == len(hosts)


def test_no_event_of_many_threads_is_lost(journal, received):
    threads = [threading.Thread(target=lambda: [journal.emit("note", "x") for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(received) == 400


def test_later_events_have_later_times(journal, received):
    journal.emit("note", "first")
    journal.emit("note", "second")
    assert received[0].at <= received[1].at


def full(_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_listener_that_raises_ends_neither_the_work_nor_the_delivery(journal):
    journal.subscribe(full)
    received = []
    journal.subscribe(received.append)
    for text in ("first", "second"):
        journal.emit("note", text)
    assert [event.text for event in received] == ["first", "second"]


def test_the_failures_of_a_listener_are_reported_once(journal, capsys):
    journal.subscribe(full)
    journal.subscribe(lambda _: next(iter(())))
    journal.emit("note", "first")
    journal.emit("note", "second")
    journal.report()
    first, second = capsys.readouterr().err.splitlines()
    assert first == (
        "full failed to record or show events: 2; the first error was OSError: [Errno 28] No space left on device"
    )
    assert "StopIteration" in second
    journal.report()
    assert capsys.readouterr().err == ""


def test_secrets_are_masked_in_the_failures_of_a_listener(journal, capsys):
    def refuse(event):
        raise ValueError("hunter2")

    journal.redact = lambda text: text.replace("hunter2", "***")
    journal.subscribe(refuse)
    journal.emit("note", "text")
    journal.report()
    assert "ValueError: ***" in capsys.readouterr().err


def test_without_a_failure_nothing_is_reported(journal, received, capsys):
    journal.emit("note", "text")
    journal.report()
    assert capsys.readouterr().err == ""


def test_a_signal_during_delivery_still_ends_the_work(journal):
    def interrupted(_):
        raise KeyboardInterrupt

    journal.subscribe(interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.emit("note", "text")
