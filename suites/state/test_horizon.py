"""Horizon: the sign-in page is whole, every member knows a session, and cookies are kept from others."""

from dataclasses import replace
from functools import partial

import pytest

from deploy import cloud
from deploy.facts import dashboard
from fixtures.dashboard import SESSION, TOKEN

pytestmark = pytest.mark.project("horizon")

LOOK = "journalctl -u horizon"
STATIC = "/var/lib/openstack-dashboard/static; `dpkg-reconfigure openstack-dashboard` makes its files anew"


def sign_in_page(page, url, expect):
    """The sign-in page at an address; red where it is not there."""
    answer = page(f"{url}{dashboard.SIGN_IN}")
    seen = answer.status or answer.text
    expect.that(f"{dashboard.SIGN_IN} at {url}", answer.status == 200, seen=seen, expected="status 200", look=LOOK)
    return answer


def loads(page, together, url, expect):
    """The page shows up whole: each style, script and picture of it is there, with its type."""
    links = dashboard.links(sign_in_page(page, url, expect).text)
    expect.known(f"files of the sign-in page at {url}", links, STATIC)
    answers = together({link: partial(page, f"{url}{link}") for link in links})
    wrong = {link: kind(answer) for link, answer in answers.items() if answer.status != 200 or not kind(answer)}
    expect(f"files of the sign-in page at {url} that a browser cannot use", wrong, {}, STATIC)


def kind(answer):
    """The type of a file, empty where the answer has none; the status of one that was refused."""
    return headers(answer).get("content-type", "") if answer.status == 200 else str(answer.status or answer.text)


def headers(answer):
    return {name.lower(): value for name, value in answer.headers.items()}


def test_sign_in_page_is_whole_at_the_client_address(page, together, standing, expect):
    loads(page, together, standing.addresses.api("horizon").url(), expect)


def test_sign_in_page_is_whole_at_the_member(page, together, standing, horizon_host, expect):
    loads(page, together, standing.addresses.at(horizon_host, "horizon").url(), expect)


@pytest.mark.needs("ha")
def test_members_name_the_same_files(page, together, readings, standing, expect):
    """A page of one member loads its files from any other one, and their names depend on their contents."""
    urls = [standing.addresses.at(node, "horizon").url() for node in readings.members("horizon")]
    pages = together({url: partial(sign_in_page, page, url, expect) for url in urls})
    named = {url: dashboard.links(answer.text) for url, answer in pages.items()}
    expect.known("files of the sign-in page", all(named.values()), STATIC)
    others = {url: links for url, links in named.items() if links != named[urls[0]]}
    expect(f"members whose sign-in page names other files than that of {urls[0]}", others, {}, STATIC)


@pytest.mark.needs("tls")
def test_plain_http_leads_to_https(page, standing, expect):
    address = standing.addresses.api("horizon")
    plain = replace(address, scheme="http", port=standing.catalogue["horizon"].proxy.redirected)
    answer = page(plain.url("/project/"))
    expect(f"status of a request at {plain}", answer.status or answer.text, 301, "haproxy.cfg, horizon-redirected")
    expect("where it leads", headers(answer).get("location"), address.url("/project/"), "haproxy.cfg")


def test_browser_is_told_to_keep_pages_to_itself(page, standing, expect):
    found = headers(sign_in_page(page, standing.addresses.api("horizon").url(), expect))
    wanted = {"x-frame-options": "DENY", "x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
    expect("headers of the sign-in page", {name: found.get(name) for name in wanted}, wanted, LOOK)
    expect("the sign-in page may be kept", "no-store" not in found.get("cache-control", ""), False, LOOK)
    if standing.cluster.encrypted:
        expect("Strict-Transport-Security is sent", "strict-transport-security" in found, True, "haproxy.cfg")


@pytest.mark.own
def test_session_of_one_member_is_known_to_the_next(readings, standing, horizon_host, expect):
    members = readings.members("horizon")
    after = members[(members.index(horizon_host) + 1) % len(members)]
    first, then = (standing.addresses.at(node, "horizon").url() for node in (horizon_host, after))
    found = readings.visit(first, then, cloud.DEMO, standing.secrets[f"keystone.{cloud.DEMO}"])
    expect(f"status of a sign-in as {cloud.DEMO} at {first}", found.signed_in or found.why, 302, LOOK)
    expect(f"status of a page at {then} for that session", found.read or found.why, 200, "the table django_session")


@pytest.mark.own
def test_cookies_are_kept_from_others(readings, standing, expect):
    url = standing.addresses.api("horizon").url()
    found = readings.visit(url, url, cloud.DEMO, standing.secrets[f"keystone.{cloud.DEMO}"])
    expect(f"status of a sign-in as {cloud.DEMO} at {url}", found.signed_in or found.why, 302, LOOK)
    secure = ("Secure",) if standing.cluster.encrypted else ()
    wanted = {SESSION: (*secure, "HttpOnly", "SameSite=Lax"), TOKEN: (*secure, "SameSite=Lax")}
    expect("what is said of each cookie", {name: found.cookies.get(name) for name in wanted}, wanted, dashboard.FILE)


def test_members_have_the_same_key(everywhere, expect):
    """Each accepts what another one signed."""
    keys = {name: found.get("SECRET_KEY") for name, found in everywhere(dashboard.settings, service="horizon").items()}
    expect.known(f"SECRET_KEY in {dashboard.FILE}", all(keys.values()), dashboard.FILE)
    first = next(iter(keys.values()))
    others = [name for name, key in keys.items() if key != first]
    expect(f"members with another SECRET_KEY than {next(iter(keys))}", others, [], dashboard.FILE)
