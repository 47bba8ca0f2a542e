"""HAProxy: every server of the catalogue is up for every HAProxy, its configuration holds, and its log is written."""

import pytest

from deploy.facts import haproxy, interfaces

pytestmark = pytest.mark.needs("ha")

CONFIG = "/etc/haproxy/haproxy.cfg"
LOG = "/var/log/haproxy.log"
QUIET = 60
"""Seconds without a line after which the log of the one that serves is taken to have stopped."""


def test_it_answers(reader, haproxy_host, expect):
    seen = haproxy.servers(reader)
    expect.that(
        "HAProxy", bool(seen), seen=f"no answer at {haproxy.SOCKET}", expected="one", look="journalctl -u haproxy"
    )


@pytest.mark.own
def test_every_haproxy_sees_it_up(everywhere, server, expect):
    told = {name: seen for name, seen in everywhere(haproxy.servers, service="haproxy").items() if seen}
    states = {name: seen.get((server.proxy, server.server), "not there") for name, seen in told.items()}
    expect.that(
        f"{server.proxy} on {server.server}, for each HAProxy that answers",
        bool(states) and all(state.startswith("UP") for state in states.values()),
        seen=states,
        expected="UP",
        look=f"show stat at {haproxy.SOCKET}, the service's health check",
    )


@pytest.mark.own
def test_there_is_no_other_proxy(reader, haproxy_host, standing, expect):
    wanted = {service.name for service in standing.catalogue.proxied()}
    others = {proxy for proxy, _ in haproxy.servers(reader)} - wanted
    expect("what else is behind it", others, set(), CONFIG)


def test_its_configuration_is_valid(host, haproxy_host, expect):
    told = host.run(f"haproxy -c -q -f {CONFIG}")
    expect.that(CONFIG, told.rc == 0, seen=told.stderr.strip(), expected="valid", look=f"haproxy -c -f {CONFIG}")


def statistics(standing):
    return standing.addresses.api("haproxy").url("/")


@pytest.mark.parametrize("password", ["", "admin", "123456"], ids=["none", "admin", "123456"])
def test_the_statistics_page_refuses_strangers(page, standing, password, expect):
    url = statistics(standing)
    seen = page(url, user="admin" if password else "", password=password)
    expect(f"what {url} answers", seen.status, 401, f"stats auth in {CONFIG}")


@pytest.mark.own
def test_the_statistics_page_opens_to_its_password(page, standing, expect):
    url = statistics(standing)
    seen = page(url, user="admin", password=standing.secrets["haproxy.statistics"])
    expect(f"what {url} answers", seen.status, 200, f"stats auth in {CONFIG}")


def test_its_log_is_taken(host, haproxy_host, expect):
    seen = host.service("rsyslog.service").systemd_properties["ActiveState"]
    expect("rsyslog, which writes HAProxy's log", seen, "active", "journalctl -u rsyslog")
    expect(f"{LOG} is there", host.file(LOG).exists, True, "/etc/rsyslog.d/49-haproxy.conf")


def test_a_request_is_logged(page, everywhere, cluster, standing, expect):
    page(statistics(standing))  # so that there is something to log
    ages = everywhere(age, service="haproxy")
    serving = [name for name, seen in everywhere(interfaces.read, service="haproxy").items() if holds(seen, cluster)]
    silent = {name: f"{ages[name]} s old" for name in serving if not ages[name].isdecimal() or int(ages[name]) > QUIET}
    expect(f"the newest line of {LOG} where requests arrive", silent, {}, "systemctl status rsyslog")


def age(reader):
    """Seconds since the log was written; empty: there is none."""
    return reader.run(f"echo $(($(date +%s) - $(stat -c %Y {LOG})))").out.strip()


def holds(links, cluster):
    return bool(interfaces.holder(links, str(cluster.vip)))
