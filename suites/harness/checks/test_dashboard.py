"""The browser of checks: it signs in by the form, keeps its cookies from one address to the other, and signs out."""

import pytest

from fixtures.checks.dashboard import Visit, Visited, visit
from fixtures.dashboard import Browser
from suites.harness import dashboards


@pytest.fixture
def horizon():
    with dashboards.served() as server:
        yield server


@pytest.fixture
def url(horizon):
    return f"http://127.0.0.1:{horizon.server_port}"


def test_a_visit_reads_a_page_and_leaves_no_session(url, horizon):
    found = visit(Visit(url, url, "demo", "right"))
    assert (found.signed_in, found.read) == (302, 200)
    assert found.cookies == {
        "csrftoken": ("Secure", "SameSite=Lax"),
        "sessionid": ("Secure", "HttpOnly", "SameSite=Lax"),
    }
    assert horizon.asked[-1] == ("GET", "/auth/logout/")


def test_a_refused_user_reads_no_page(url):
    found = visit(Visit(url, url, "demo", "wrong"))
    assert (found.signed_in, found.read) == (200, 302)


def test_a_member_that_does_not_answer_is_status_0_with_the_reason(url):
    dead = "http://127.0.0.1:1"
    found = visit(Visit(dead, url, "demo", "right"))
    assert found == Visited(why=found.why)
    assert found.why.startswith("ConnectionError")
    assert visit(Visit(url, dead, "demo", "right")).signed_in == 302


def test_a_cookie_that_was_deleted_is_not_sent_again(url):
    browser = Browser(url)
    browser.sign_in("demo", "right")
    assert browser.get("/settings/").status_code == 200
    browser.sign_out()
    assert browser.get("/settings/").status_code == 302


def test_the_password_is_not_shown():
    assert "secret" not in repr(Visit("http://a", "http://b", "demo", "secret"))
