"""A tenant uses the dashboard: signs in by its form, makes a key pair, is served by every member, and signs out."""

import pytest

from deploy import cloud
from deploy.facts import dashboard
from fixtures.dashboard import SIGNED_IN, Browser

KEY_PAIRS = "/api/nova/keypairs/"
pytestmark = [pytest.mark.flow, pytest.mark.project("horizon", "nova")]


@pytest.fixture(scope="module")
def opened(site, horizon):
    """Opens a browser at the address for clients."""
    return lambda: Browser(site.addresses.api("horizon").url(), site.ca)


@pytest.fixture(scope="module")
def members(site, horizon):
    """The address of each member, by its host."""
    return {node.name: site.addresses.at(node, "horizon").url() for node in site.cluster.role("controller")}


@pytest.fixture(scope="module")
def browser(site, opened):
    """A browser in which demo is signed in."""
    found = opened()
    answer = found.sign_in(cloud.DEMO, site.secrets[f"keystone.{cloud.DEMO}"])
    assert answer.status_code == 302, f"signing in as {cloud.DEMO}: the form came back; see journalctl -u horizon"
    return found


def served(browser, members, path):
    """What each member answers to the browser, by its host."""
    before, found = browser.url, {}
    for name, browser.url in members.items():
        found[name] = browser.get(path)
    browser.url = before
    return found


def test_tenant_sees_its_project(browser):
    answer = browser.get("/project/")
    assert answer.status_code == 200
    assert f'<span class="context-project">{cloud.DEMO}</span>' in answer.text


def test_tenant_makes_a_key_pair(browser, demo):
    name = demo.name("dashboard")
    answer = browser.send(KEY_PAIRS, {"name": name, "key_type": "ssh"})
    demo.made("key pair", name, demo.session.compute.delete_keypair)
    assert answer.status_code == 201, answer.text
    assert "PRIVATE KEY" in answer.json()["private_key"]
    assert demo.session.compute.find_keypair(name)


def test_every_member_serves_the_session(browser, members, demo):
    name = demo.name("dashboard")
    answers = served(browser, members, KEY_PAIRS)
    listed = {host: [each["keypair"]["name"] for each in answer.json()["items"]] for host, answer in answers.items()}
    assert [host for host, names in listed.items() if name not in names] == []


def test_stranger_sees_nothing(opened):
    stranger = opened()
    assert stranger.get("/project/").status_code == 302
    assert stranger.get(KEY_PAIRS).status_code == 401
    assert stranger.sign_in(cloud.DEMO, "not the password").status_code == 200
    assert stranger.get(SIGNED_IN).status_code == 302


def test_form_without_its_token_is_refused(site, opened):
    other = opened()
    sent = {"username": cloud.DEMO, "password": site.secrets[f"keystone.{cloud.DEMO}"], "region": "default"}
    assert "csrf_failure" in other.post(dashboard.SIGN_IN, **sent).headers["Location"]
    assert other.get(SIGNED_IN).status_code == 302


def test_session_ends_everywhere_with_the_sign_out(browser, members):
    cookies = dict(browser.cookies)
    assert browser.sign_out().status_code == 302
    browser.cookies = cookies
    statuses = {host: answer.status_code for host, answer in served(browser, members, SIGNED_IN).items()}
    assert statuses == dict.fromkeys(members, 302)
