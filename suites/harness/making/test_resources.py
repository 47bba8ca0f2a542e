"""Pacemaker's resources: asked for only where a step has something in Pacemaker, and written only where they differ."""

from xml.etree import ElementTree

import pytest

from deploy.cib import wanted
from deploy.making import resources
from suites.harness.well import Well


@pytest.fixture
def well(site_of, monkeypatch, recording) -> Well:
    return Well(site_of("lab-small"), monkeypatch, recording)


@pytest.mark.parametrize("step", ["memcached", "etcd", "galera", "rabbitmq", "base"])
def test_step_with_nothing_in_pacemaker_sends_no_command(well, step):
    # These steps come before Pacemaker's, or run beside it.
    resources.ensure(well.site, step)
    assert not well.commands


@pytest.mark.parametrize("step", ["glance", "vip", "haproxy", "pacemaker"])
def test_configuration_as_the_build_left_it_is_not_written_again(well, step):
    well.says["cibadmin"] = as_set(well.site)
    resources.ensure(well.site, step)
    assert set(well.commands) == {"cibadmin"}


def as_set(site):
    """The CIB after a build."""
    whole = wanted.whole(site.cluster, site.catalogue)
    root = ElementTree.Element("configuration")
    pairs = ElementTree.SubElement(ElementTree.SubElement(root, "crm_config"), "cluster_property_set")
    for name, value in whole.properties.items():
        ElementTree.SubElement(pairs, "nvpair", name=name, value=value)
    ElementTree.SubElement(root, "resources").extend(whole.resources)
    ElementTree.SubElement(root, "constraints").extend(whole.constraints)
    return ElementTree.tostring(root, encoding="unicode")
