"""Confinement: systemd's words for each unit."""

from deploy.facts import confinement

SHOWN = """\
NoNewPrivileges=yes
ProtectSystem=strict
Id=keystone.service

Id=haproxy-watch.service
ProtectSystem=no
"""


def test_each_unit_has_its_settings():
    assert confinement.parse(SHOWN) == {
        "keystone": {"NoNewPrivileges": "yes", "ProtectSystem": "strict"},
        "haproxy-watch": {"ProtectSystem": "no"},
    }


def test_garbage_tells_of_no_unit():
    assert confinement.parse("") == confinement.parse("Failed to connect to bus\n") == {}
