"""etcd's step: a cluster without TLS is converted once, and the account of earlier versions is retired."""

import json
from types import SimpleNamespace

import pytest

from deploy.facts import etcd, systemd
from deploy.facts.ended import END
from deploy.host import Host, Result
from deploy.steps import etcd as step


@pytest.fixture
def cluster(site_of, monkeypatch, recording):
    """The lab's members, without TLS and with changed files; what is done to each of them, in order."""
    now = SimpleNamespace(site=site_of("lab"), done=[], tls=False, pending=True, refusal="", accounts="")
    listed = json.loads(recording("etcd", "registered"))

    def run(host, command, *arguments, **_):
        if "member list" in command:
            plain = json.dumps(listed).replace("https:", "http:")
            return Result(host.name, command, 1 if now.tls else 0, "" if now.tls else plain, "")
        if "user list" in command:
            return Result(host.name, command, 1 if now.refusal else 0, "", now.refusal)
        raise AssertionError(command)

    def check(host, command, *arguments, **_):
        if "role list" in command:
            return f"{now.accounts}{END}"
        now.done.append((host.name, f"retired {_['stdin']}" if "auth disable" in command else arguments[-1]))
        return ""

    def units(_, names):
        return {name: systemd.Unit(name=name, active="active", pending=now.pending) for name in names}

    monkeypatch.setattr(Host, "run", run)
    monkeypatch.setattr(Host, "check", check)
    monkeypatch.setattr(Host, "change", lambda host, what, _: now.done.append((host.name, what.partition(",")[0])))
    monkeypatch.setattr(Host, "changed", lambda *_: None)
    monkeypatch.setattr(systemd, "units", units)
    monkeypatch.setattr(step.start, "start", lambda _, host, __: now.done.append((host.name, "started")))
    return now


def test_a_cluster_without_tls_learns_all_addresses_before_it_stops(cluster):
    step._secure(cluster.site)
    updated, stopped, started = cluster.done[:3], cluster.done[3:6], cluster.done[6:]
    assert {address for _, address in updated} == {f"https://172.16.181.3{n}:2380" for n in (1, 2, 3)}
    assert {host for host, what in stopped if what == "stopped etcd"} == {f"controller0{n}" for n in (1, 2, 3)}
    assert {host for host, what in started if what == "started"} == {f"controller0{n}" for n in (1, 2, 3)}


@pytest.mark.parametrize("changed", [{"tls": True}, {"pending": False}])
def test_a_cluster_with_tls_goes_on(cluster, changed):
    vars(cluster).update(changed)
    step._secure(cluster.site)
    assert cluster.done == []


@pytest.mark.parametrize(
    ("said", "accounts", "retired"),
    [
        ("", "", []),
        *((f"Error: etcdserver: {reason}", "", ["retired root:{password}\n"]) for reason in etcd.GUARDED),
        ("", "root\nroot\n", ["retired "]),
    ],
)
def test_an_account_is_retired_once(cluster, said, accounts, retired):
    cluster.refusal, cluster.accounts = said, accounts
    step._retire(cluster.site)
    password = cluster.site.secrets["etcd.root"]
    assert [what for _, what in cluster.done] == [each.format(password=password) for each in retired]
