"""The user of drills who stays signed in to the dashboard."""

from types import SimpleNamespace

import pytest

from deploy.catalogue import Address
from deploy.errors import StepFailed
from fixtures.drills.run import clients
from suites.harness import dashboards


def site(port, known_as="right", has=True):
    """A site whose dashboard is at a port of loopback."""
    return SimpleNamespace(
        catalogue=SimpleNamespace(has=lambda _: has),
        addresses=SimpleNamespace(api=lambda _: Address("http", "127.0.0.1", port)),
        secrets={"keystone.demo": known_as},
        ca="",
    )


def test_the_session_is_probed_and_ended():
    with dashboards.served() as server:
        with clients.visitor(site(server.server_port)) as (probe,):
            assert (probe.promise, probe.options["path"]) == ("sessions", "/settings/")
            assert "sessionid=known" in probe.options["headers"]["Cookie"]
        assert server.asked[-1] == ("GET", "/auth/logout/")


def test_the_cookie_is_not_shown():
    with dashboards.served() as server, clients.visitor(site(server.server_port)) as visits:
        assert "known" not in repr(visits)


def test_a_refused_user_ends_the_drill_with_the_answer():
    with dashboards.served() as server, pytest.raises(StepFailed, match="does not let demo in") as failed:
        clients.visitor(site(server.server_port, known_as="wrong")).__enter__()
    assert failed.value.seen == "status 200"


def test_a_dashboard_without_an_answer_ends_the_drill_with_the_reason():
    with pytest.raises(StepFailed, match="does not let demo in") as failed:
        clients.visitor(site(1)).__enter__()
    assert failed.value.seen.startswith("ConnectionError")


def test_a_cluster_without_a_dashboard_has_no_such_probe():
    with clients.visitor(site(1, has=False)) as visits:
        assert visits == ()


def test_a_session_that_cannot_be_ended_is_noted(events):
    with dashboards.served() as server:
        visiting = clients.visitor(site(server.server_port))
        visiting.__enter__()
    visiting.__exit__(None, None, None)
    assert "ends by itself" in events[-1].text
