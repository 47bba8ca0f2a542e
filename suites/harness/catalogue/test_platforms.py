"""Platforms: a distribution's own names occur only in deploy/platforms and in [on.<platform>] tables."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import catalogue, inventory, platforms
from deploy.catalogue import read
from deploy.errors import InventoryError
from deploy.facts import leftovers
from deploy.facts.rabbitmq import _EVERYTHING, _STATUS
from deploy.site import Site
from suites.harness.clusters import PLATFORMS

ROOT = read.ROOT.parent
WORDS = re.compile(
    r"debian|bookworm|trixie|\bapt\b|apt-(?:get|cache)|\bdpkg|policy-rc|rsyslog|mariadb\.service|rabbitmq-server"
    r"|libvirtd\b(?!\.conf)|(?:systemctl|journalctl)[^\n]*\bmariadb\b|rabbit_mnesia|rabbit_khepri|supervisor2"
    r"|/etc/(?:default|apt|init\.d|mysql|memcached\.conf|chrony/)|/usr/lib/(?:python3|galera|x86_64)|uwsgi_python",
    re.IGNORECASE,
)
EXEMPT = {
    "deploy/platforms/": "the platforms themselves",
    "deploy/inventories/": "each names its platform",
    "deploy/lab/": "makes hosts out of the distribution's packages, with its own tools",
    "deploy/guest/": "makes the guest out of Debian's kernel and busybox, whatever the cluster's hosts are",
}
EXCEPTIONS = {
    "deploy/precheck.py": {"apt": "the source of a number, and true of every package manager"},
    "deploy/facts/compute.py": {"/usr/lib/python3": "Python's own folder, looked for and done without"},
    "fixtures/bench.py": {
        "rsyslog": "measures how long checks take, of whatever packages",
        "/etc/chrony/": "and of whatever files",
    },
    "templates/haproxy/haproxy/etc/rsyslog.d/49-haproxy.conf.j2": {"rsyslog": "the program that reads this file"},
    "templates/nova-compute/nova-ssh/etc/ssh/ssh_config.d/stackproof-nova.conf.j2": {
        "libvirtd": "libvirt's own program"
    },
}


def scanned() -> list[Path]:
    code = [path for folder in ("deploy", "fixtures") for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = [*code, *read.ROOT.rglob("*.j2")]
    return [path for path in files if path.suffix in {".py", ".j2", ".toml", ".sh"} and not exempt(name_of(path))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def exempt(name: str) -> bool:
    return any(name.startswith(folder) for folder in EXEMPT)


def found(path: Path) -> set[str]:
    return {word.lower() for text in (name_of(path), path.read_text()) for word in WORDS.findall(text)}


def test_no_other_file_contains_a_distributions_name():
    files = scanned()
    assert len(files) > 150
    left = {name_of(path): words for path in files if (words := found(path) - EXCEPTIONS.get(name_of(path), {}).keys())}
    assert left == {}


def test_every_exception_is_still_needed():
    assert {name: set(words) for name, words in EXCEPTIONS.items()} == {
        name: found(ROOT / name) & words.keys() for name, words in EXCEPTIONS.items()
    }


@pytest.mark.parametrize("name", read.projects(read.ROOT))
def test_project_has_distribution_names_only_below_its_platform(name):
    text = (read.ROOT / name / read.ENTRY).read_text()
    assert WORDS.findall(text.partition("\n[on.")[0]) == []


@pytest.mark.parametrize("name", read.projects(read.ROOT))
def test_project_has_names_on_every_platform_or_on_none(name):
    on = read.projects(read.ROOT)[name].get("on", {})
    assert sorted(on) in ([], PLATFORMS)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", read.projects(read.ROOT))
def test_platform_table_has_no_misspelt_key(name, platform):
    on = read.on(read.projects(read.ROOT)[name], platform)
    shared = {"packages", "runs_as", "paths"}
    assert on.keys() <= {*shared, "schema", "claims", "data", "defects", "idle", "services"}
    known = {*shared, "unit", "program", "settings", "defaults", "internals"}
    assert {key for entry in on.get("services", {}).values() for key in entry} <= known
    assert on.get("services", {}).keys() <= read.projects(read.ROOT)[name].get("services", {}).keys()


# -- a platform based on another ------------------------------------------------------------------


def test_derived_platform_overrides_only_its_own_keys():
    old, new = platforms.load("debian-12"), platforms.load("debian-13")
    assert (new.name, new.release, new.openstack) == ("debian-13", "trixie", "epoxy")
    assert new.os_release == {"ID": "debian", "VERSION_CODENAME": "trixie"}
    assert (new.manager, new.bare) == (old.manager, old.bare)
    assert new.paths == {**old.paths, "python-modules": "/usr/lib/python3.13/dist-packages"}
    assert (old.python, new.python) == ("SETUPTOOLS_USE_DISTUTILS=stdlib", "")
    assert (len(old.defects), new.defects) == (1, ())


def test_unbuilt_platform_is_refused_with_the_reason():
    with pytest.raises(InventoryError, match="no cluster is built on debian-13 yet") as refused:
        Site.of(replace(inventory.load("two-node"), platform="debian-13"))
    assert "linuxbridge" in refused.value.seen


def test_release_specific_settings_are_rendered(tree_of):
    lab = inventory.load("lab")
    releases = ("debian-12", "debian-13")
    old, new = (tree_of(replace(lab, platform=name))["controller01"]["/etc/mysql/my.cnf"].text for name in releases)
    assert set(new.splitlines()) - set(old.splitlines()) == {"innodb_snapshot_isolation = OFF"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_rabbitmq_queries_match_its_release(platform, tree_of):
    cluster = replace(inventory.load("lab"), platform=platform)
    known = catalogue.load().of(cluster)["rabbitmq"].internals
    asked = set(re.findall(r"\$\{(\w+)\}", _STATUS + _EVERYTHING))
    watch = tree_of(cluster)["controller01"]["/usr/local/libexec/stackproof/rabbitmq-watch"].text
    assert asked | {"children"} == set(known)
    assert all(known[name] in watch for name in ("members", "running", "children"))


# -- leftovers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", PLATFORMS)
def test_leftovers_script_covers_every_project(platform):
    script = leftovers.script(catalogue.load(), platform)
    assert set(re.findall(r"^claim (\w+) ", script, re.MULTILINE)) == {
        *("stackproof", "hosts", "corosync", "galera", "etcd", "ceph")
    }
    assert all(name in script for name in ("grastate", "mnesia", "/etcd/", "cib.xml", "instances", "images"))
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
