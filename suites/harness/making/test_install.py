"""Installing: what new packages enabled is disabled again; without new packages nobody looks."""

from unittest.mock import Mock

import pytest

from deploy.making import idle, install


@pytest.mark.parametrize("new", [["pcs"], []])
def test_idle_units_are_disabled_after_an_installation(site_of, monkeypatch, new):
    site = site_of("lab")
    host = site.hosts["controller01"]
    disable = Mock()
    monkeypatch.setattr(idle, "disable", disable)
    monkeypatch.setattr(host, "install", Mock(return_value=new))
    install.add(site, host, site.services("pacemaker", host.node))
    assert "pcs" in host.install.call_args[0][0]
    assert disable.called == bool(new)
