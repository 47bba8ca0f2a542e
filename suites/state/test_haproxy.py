"""HAProxy: every server is up for every HAProxy, the configuration is valid, and requests are logged."""

import pytest

from deploy.facts import haproxy, interfaces, systemd

pytestmark = pytest.mark.needs("ha")

CONFIG = "/etc/haproxy/haproxy.cfg"
VALID = "Configuration file is valid"
"""HAProxy's own words."""
AUTH = f"stats auth in {CONFIG}"
LOG = "/var/log/haproxy.log"
QUIET = 60
"""Age in seconds of the newest line at which the log of the serving HAProxy counts as stopped."""


def test_haproxy_answers_at_its_socket(reader, haproxy_host, expect):
    servers = haproxy.servers(reader)
    expect.that(
        f"HAProxy at {haproxy.SOCKET}",
        bool(servers),
        seen="no answer",
        expected="its list of servers",
        look="journalctl -u haproxy",
    )


@pytest.mark.own
def test_server_is_up_for_every_haproxy(everywhere, server, expect):
    answered = {name: servers for name, servers in everywhere(haproxy.servers, service="haproxy").items() if servers}
    states = {name: servers.get((server.proxy, server.server), "not listed") for name, servers in answered.items()}
    expect.that(
        f"state of {server.proxy} on {server.server}, by each HAProxy that answers",
        bool(states) and all(state.startswith("UP") for state in states.values()),
        seen=states,
        expected="UP",
        look=f"show stat at {haproxy.SOCKET}, the service's health check",
    )


@pytest.mark.own
def test_no_unknown_proxy_is_configured(reader, haproxy_host, standing, expect):
    wanted = {service.name for service in standing.catalogue.proxied()}
    servers = expect.known(f"HAProxy's servers at {haproxy.SOCKET}", haproxy.servers(reader), "journalctl -u haproxy")
    others = {proxy for proxy, _ in servers} - wanted
    expect("proxies that the catalogue does not have", others, set(), CONFIG)


def test_configuration_is_valid(host, haproxy_host, expect):
    result = host.run(f"haproxy -c -f {CONFIG}")
    is_valid = result.rc == 0 and VALID in result.stdout
    expect.that(CONFIG, is_valid, seen=result.stderr.strip(), expected=VALID, look=f"haproxy -c -f {CONFIG}")


def statistics(standing):
    return standing.addresses.api("haproxy").url("/")


@pytest.mark.parametrize("password", ["", "admin", "123456"], ids=["none", "admin", "123456"])
def test_statistics_page_refuses_default_passwords(page, standing, password, expect):
    url = statistics(standing)
    answer = page(url, user="admin" if password else "", password=password)
    expect(f"status of {url} for admin with the password {password or 'left out'}", answer.status, 401, AUTH)


@pytest.mark.own
def test_statistics_page_accepts_its_password(page, standing, expect):
    url = statistics(standing)
    answer = page(url, user="admin", password=standing.secrets["haproxy.statistics"])
    expect(f"status of {url} for admin with its password", answer.status, 200, AUTH)


def test_rsyslog_runs_and_the_log_exists(reader, haproxy_host, expect):
    state = systemd.units(reader, ["rsyslog"])["rsyslog"].active
    expect("rsyslog, which writes HAProxy's log", state, "active", "journalctl -u rsyslog")
    is_there = age(reader).isdecimal()
    expect.that(LOG, is_there, seen="no file", expected="a file", look="/etc/rsyslog.d/49-haproxy.conf")


def test_request_is_logged(page, everywhere, cluster, standing, expect):
    page(statistics(standing))  # the request to be logged
    ages = everywhere(age, service="haproxy")
    serving = [name for name, links in everywhere(interfaces.read, service="haproxy").items() if holds(links, cluster)]
    expect.known(f"hosts with {cluster.vip}, whose HAProxy serves", serving, "ip address")
    silent = {name: f"{ages[name]} s old" for name in serving if not ages[name].isdecimal() or int(ages[name]) > QUIET}
    expect(f"VIP holders whose newest line in {LOG} is older than {QUIET} s", silent, {}, "systemctl status rsyslog")


def age(reader):
    """Seconds since the log was last written, as digits; empty without a log."""
    return reader.run(f"echo $(($(date +%s) - $(stat -c %Y {LOG})))").out.strip()


def holds(links, cluster):
    return bool(interfaces.holder(links, str(cluster.vip)))
