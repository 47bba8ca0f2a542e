"""HAProxy's change from plain HTTP to TLS: what a build finds on a host says whether the VIP takes both meanwhile."""

from dataclasses import replace

import pytest

from deploy.errors import StackproofError
from deploy.host import Result
from deploy.steps import haproxy
from deploy.steps import tls as closing


class Hosts(dict):
    """Hosts by name, as a step sees them."""

    def each(self, do):
        return {name: do(host) for name, host in self.items()}


class Host:
    """A controller with one file of HAProxy; it notes what a step does."""

    def __init__(self, node, text):
        self.node, self.name, self.text, self.done = node, node.name, text, []

    def run(self, command, *arguments, **_):
        if "is-active" in command:
            return Result(self.name, command, 0, "", "")
        line, path = arguments
        assert (command, path) == ("grep -xF -- %s %s", haproxy.CONFIG)
        return Result(self.name, command, 0, line if line in self.text.splitlines() else "", "")

    def install(self, _packages):
        return []

    def put(self, files):
        written = {file.path: file.text for file in files}
        self.text = written[haproxy.CONFIG]
        return list(written)

    def check(self, command, *_):
        if "abns" in self.text and "ssl crt" not in self.text:
            raise StackproofError(command)
        self.done.append("checked")

    def change(self, what, script):
        self.done.append((what, script))


def config(site, **more):
    node = site.cluster.nodes[0]
    files = site.render(node, [site.catalogue["haproxy"]], **more)
    return next(file.text for file in files if file.path == haproxy.CONFIG)


@pytest.fixture
def site(site_of):
    return site_of("lab")


@pytest.fixture
def texts(site, site_of):
    plain = config(site_of(replace(site.cluster, tls="off")))
    return {"plain": plain, "both": config(site, takes_plain=True), "closed": config(site), "nothing": ""}


@pytest.fixture
def on_hosts(site, monkeypatch):
    """Give the controllers HAProxy's files; `apply` is what the step does on each of them."""
    monkeypatch.setattr(haproxy.start, "start", lambda *_: None)

    def given(*files):
        hosts = Hosts({n.name: Host(n, text) for n, text in zip(site.cluster.role("controller"), files, strict=True)})
        monkeypatch.setattr(type(site), "members", lambda *_: hosts)
        return hosts

    return given


@pytest.mark.parametrize(
    ("found", "becomes"), [("plain", "both"), ("both", "both"), ("closed", "closed"), ("nothing", "closed")]
)
def test_a_cluster_that_takes_plain_http_takes_both_until_the_last_step(site, texts, on_hosts, found, becomes):
    hosts = on_hosts(*[texts[found]] * 3)
    for host in hosts.values():
        haproxy.apply(site, host)
        assert host.text == texts[becomes]
    closing.complete(site)
    assert {host.text for host in hosts.values()} == {texts["closed"]}


def test_a_new_controller_takes_both_while_the_others_change_over(site, texts, on_hosts):
    hosts = on_hosts("", texts["plain"], texts["plain"])
    haproxy.apply(site, hosts["controller01"])
    assert hosts["controller01"].text == texts["both"]


def test_a_change_is_checked_and_reloaded_and_needs_no_restart(site, texts, on_hosts):
    host = on_hosts(*[texts["closed"]] * 3)["controller01"]
    host.put = lambda _: [haproxy.CONFIG]
    haproxy.apply(site, host)
    checked, (what, script) = host.done
    assert (checked, what) == ("checked", "reloaded HAProxy")
    assert "systemctl reload haproxy" in script
    assert "rm -f /var/lib/stackproof/pending/haproxy" in script


def test_a_changed_unit_is_still_restarted(site, texts, on_hosts):
    host = on_hosts(*[texts["closed"]] * 3)["controller01"]
    host.put = lambda _: [haproxy.CONFIG, "/etc/systemd/system/haproxy.service.d/stackproof.conf"]
    haproxy.apply(site, host)
    assert "pending" not in host.done[-1][1]


def test_while_it_changes_over_every_web_port_takes_both_and_the_others_stay(site, texts):
    web = [s.name for s in site.catalogue.proxied() if s.proxy.mode == "http"] + ["haproxy"]
    assert "abns@" not in texts["closed"]
    for name in web:
        assert f"frontend {name}-both\n  bind {site.addresses.api(name).authority}\n" in texts["both"]
        assert texts["both"].count(f"abns@{name}-tls") == texts["both"].count(f"abns@{name}-plain") == 2
    assert f"bind {site.addresses.api('galera').authority} tcp-ut 10s\n" in texts["both"]


def test_a_cluster_that_is_to_have_no_tls_changes_nothing_over(site_of, texts):
    off = site_of(replace(site_of("lab").cluster, tls="off"))
    assert not haproxy.takes_plain(off, Host(off.cluster.nodes[0], texts["plain"]))
