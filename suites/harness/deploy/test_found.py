"""Facts of computes: read when a template needs them; a silent compute fails only the files that need its facts."""

from dataclasses import replace

import pytest

from deploy import preview
from deploy.errors import HostUnreachable
from deploy.facts import computes
from deploy.facts.ended import END
from deploy.found import KINDS, Found, Unknown
from deploy.host import Host, Hosts, Reads, Result

VIRT = {"compute01": "kvm\n", "compute02": "qemu\n"}
NOVA, KNOWN = "/etc/nova/nova.conf", "/var/lib/nova/.ssh/known_hosts"


class Compute(Reads):
    """A host double that answers the two readings, or no command at all."""

    def __init__(self, node, asked, virt=VIRT):
        super().__init__(node)
        self._asked, self._virt = asked, virt

    def run(self, command, *_, **__):
        self._asked.append(self.name)
        if self.name not in self._virt:
            raise HostUnreachable(f"{self.name}: no answer")
        out = f"ssh-ed25519 key-{self.name} root@{self.name}" if "ssh_host" in command else self._virt[self.name]
        return Result(self.name, command, 0, out, "")


@pytest.fixture
def asked():
    """The names of the contacted hosts, one per command."""
    return []


@pytest.fixture
def read(site_of, asked):
    """Return the facts of the lab's computes, of which the named ones answer with the given texts."""

    def make(virt=VIRT):
        nodes = site_of("lab").cluster.role("compute")
        hosts = {node.name: Compute(node, asked, virt) for node in nodes}
        return computes.read(hosts, lambda reading: {name: reading(host) for name, host in hosts.items()})

    return make


@pytest.fixture
def rendered(site_of):
    def make(found, node="compute01"):
        site = site_of("lab")
        node = site.cluster.node(node)
        return {file.path: file.text for file in site.render(node, site.catalogue.on(node), found)}

    return make


def test_both_facts_are_read_from_the_hosts(read, rendered):
    files = rendered(read())
    assert "virt_type = kvm\n" in files[NOVA]
    assert "ssh-ed25519 key-compute02\n" in files[KNOWN]


def test_hosts_are_contacted_only_for_facts_that_a_template_needs(read, rendered, asked):
    rendered(read(), "controller01")
    assert asked == []


def test_each_reading_is_made_once(read, rendered, asked):
    found = read()
    rendered(found)
    rendered(found, "compute02")
    assert sorted(asked) == ["compute01", "compute01", "compute02", "compute02"]


def test_error_names_the_silent_compute_and_the_file(read, site_of):
    site, found = site_of("lab"), read({"compute01": "kvm\n"})
    node = site.cluster.node("compute01")
    assert site.render(node, [site.catalogue["nova-compute"]], found)
    with pytest.raises(Unknown, match="compute02: no answer"):
        site.render(node, [site.catalogue["nova-ssh"]], found)


def test_untried_virtualisation_is_possibly_each_kind(read, rendered):
    found = read({"compute01": "", "compute02": "qemu\n"})
    assert [possible.virt_type["compute01"] for possible in found.possible("compute01")] == list(KINDS)
    assert found.possible("compute02") == found.possible("controller01") == (found,)
    with pytest.raises(Unknown, match="no build has tried virtualisation"):
        rendered(found)


def test_facts_of_the_trial_hold_for_later_renders(site_of, read):
    site = site_of("lab")
    site.found.take(read())
    node = site.cluster.node("compute01")
    (text,) = (f.text for f in site.render(node, [site.catalogue["nova-compute"]]) if f.path == NOVA)
    assert "virt_type = kvm\n" in text


class Shown(Host):
    """A host double on which only a file with kvm differs."""

    def run(self, command, *_, **__):
        return Result(self.name, command, 0, "", "")

    def check(self, *_, **__):
        return f"{END}\n"

    def missing(self, _):
        return []

    def differing(self, files):
        return [file.path for file in files if "virt_type = kvm\n" in file.text]


def test_dry_run_lists_unknown_files_and_continues(site_of, read):
    site = site_of("lab")
    site = replace(site, hosts=Hosts(Shown(node, site.cluster.ssh) for node in site.cluster.nodes))
    site.found.take(read({"compute01": "kvm\n"}))
    seen = preview.hosts(site)
    assert seen["compute01"].files == (NOVA,)
    assert seen["compute01"].unknown == ("nova-ssh: a fact of compute02 is unknown: compute02: no answer",)
    assert seen["compute02"].files == ()  # its file matches one of the two types
    assert not seen["controller01"].unknown


def test_assumed_facts_cover_every_compute(site_of):
    cluster = site_of("lab").cluster
    assumed = Found.assumed(cluster)
    assert set(assumed.virt_type) == set(assumed.host_keys) == {node.name for node in cluster.role("compute")}
