"""Pacemaker's resources: asked for only where a step has units that Pacemaker starts."""

import pytest

from deploy.making import resources


@pytest.mark.parametrize("step", ["memcached", "etcd", "galera", "rabbitmq", "base"])
def test_step_without_pacemaker_units_does_not_ask_pacemaker(site_of, monkeypatch, step):
    # These steps come before Pacemaker's, or run beside it.
    monkeypatch.setattr(resources, "ensure", lambda *_, **__: pytest.fail("Pacemaker was asked"))
    resources.clones(site_of("lab"), step)


def test_step_with_pacemaker_units_configures_their_clones(site_of, monkeypatch):
    asked = []
    monkeypatch.setattr(resources, "ensure", lambda _, resources: asked.extend(each.get("id") for each in resources))
    resources.clones(site_of("lab"), "glance")
    assert asked == ["glance-clone"]
