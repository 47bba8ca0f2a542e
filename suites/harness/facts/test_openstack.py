"""Facts of OpenStack, parsed from output: cells, routers, roles, checks, settings, images and database accounts."""

import hashlib
from ipaddress import IPv4Network
from types import SimpleNamespace

import pytest

from deploy.facts import accounts, compute, identity, image, network, settings
from deploy.facts.compute import CELL0


def test_settings_are_named_with_their_section():
    text = "a = 1\n[DEFAULT]\n# b = 2\n; c = 3\nd = x = y\n\n[vxlan]\nlocal_ip=10.0.0.1\nlocal_ip = 10.0.0.2\nlast\n"
    assert settings.parse(text) == {"DEFAULT.a": "1", "DEFAULT.d": "x = y", "vxlan.local_ip": "10.0.0.2"}


def test_cells_are_listed_with_their_hosts():
    text = (
        f"cell\t{CELL0}\tcell0\t0\t\n"
        "cell\ta1\tcell1\t1\t{path}\n"
        "host\tcompute01\ta1\n"
        "host\tcompute02.example.org\ta1\n"
        f"host\tcompute02.example.org\t{CELL0}\n"
    )
    seen = compute.parse_cells(text)
    assert seen.names == {CELL0: "cell0", "a1": "cell1"}
    assert seen.hosts == {"compute01": ("a1",), "compute02": ("a1", CELL0)}
    assert seen.with_password == ("cell1",)
    assert seen.queues == {CELL0: "", "a1": "{path}"}


def test_no_rows_are_no_cells():
    assert compute.parse_cells("") == compute.Cells({}, {}, ())


CHECKS = """+------------------------------------------+
| Upgrade Check Results                    |
+------------------------------------------+
| Check: Cells v2                          |
| Result: Success                          |
| Details: None                            |
+------------------------------------------+
| Check: hw_machine_type unset             |
| Result: Warning                          |
| Details: Result: none, of Check: another |
+------------------------------------------+
"""


def test_each_check_is_listed_with_its_result():
    assert compute.parse_checks(CHECKS) == {"Cells v2": "Success", "hw_machine_type unset": "Warning"}


@pytest.mark.parametrize("text", ["", "Error:\nTraceback (most recent call last):"])
def test_output_without_a_table_lists_no_check(text):
    assert compute.parse_checks(text) == {}


def test_a_router_is_listed_with_the_hosts_where_it_is_active():
    text = "one (1)\tnet01\tactive\none (1)\tnet02\tstandby\ntwo (2)\tnet01\tstandby\none (1)\tnet03\tactive\n"
    assert network.parse_active(text) == [
        network.Carried("one (1)", ("net01", "net03")),
        network.Carried("two (2)", ()),
    ]


def test_a_device_that_floods_to_no_tunnel_is_listed():
    devices = "7: vxlan-93: <BROADCAST> mtu 1450 qdisc noqueue\n9: vxlan-12: <BROADCAST> mtu 1450 qdisc noop\n"
    entries = (
        "33:33:00:00:00:01 dev eth0 self permanent\n"
        "00:00:00:00:00:00 dev vxlan-93 dst 10.0.0.2 self permanent\n"
        "fa:16:3e:00:00:01 dev vxlan-93 dst 10.0.0.9 self permanent\n"
        "00:00:00:00:00:00 dev vxlan-93 dst 10.0.0.3 self permanent\n"
    )
    assert network.parse_flooded(devices, entries) == {
        "vxlan-93": frozenset({"10.0.0.2", "10.0.0.3"}),
        "vxlan-12": frozenset(),
    }


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ({"project": {"id": "1", "name": "demo"}}, "project demo"),
        ({"project": {"id": "1", "name": "demo", "domain": {"id": "default", "name": "Default"}}}, "project demo"),
        ({"project": {"id": "1", "name": "demo", "domain": {"id": "9", "name": "x"}}}, "project demo of domain x"),
        ({"domain": {"id": "default", "name": "Default"}}, "domain Default"),
        ({"system": {"all": True}}, "system"),
    ],
)
def test_a_role_is_listed_with_its_scope(scope, place):
    entry = {"user": {"name": "demo"}, "role": {"name": "member"}, "scope": scope}
    assert identity.parse(entry) == identity.Assignment("demo", "member", place)


def test_images_on_a_disk_are_listed_with_their_size():
    assert image.parse("a-b 12\nc d 0\n") == {"a-b": 12, "c d": 0}
    assert image.parse("") == {}


ACCOUNTS = (
    "user\troot\tlocalhost\t0\t1\t18446744073709551615\t\n"
    "user\tmariadb.sys\tlocalhost\t1\t0\t0\t\n"
    "user\tnova\t10.0.0.0/255.255.255.0\t0\t1\t0\td0\n"
    "user\t\t%\t0\t0\t0\t\n"
    "on\tnova\t10.0.0.0/255.255.255.0\tnova\\_api\n"
    "on\tnova\t10.0.0.0/255.255.255.0\tnova\n"
)


def test_an_account_is_listed_with_privileges_and_authentication():
    root, system, nova, nobody = accounts.parse(ACCOUNTS)
    assert (root.everywhere, root.local, root.authenticates) == (True, True, True)
    assert (system.locked, system.authenticates) == (True, False)
    assert (nova.local, nova.everywhere, nova.databases) == (False, False, {"nova\\_api", "nova"})
    assert (nova.proof, root.proof) == ("d0", "")
    assert (nobody.user, nobody.authenticates, nobody.databases, str(nobody)) == ("", False, frozenset(), "''@'%'")


def test_a_user_of_another_domain_is_another_user():
    user = {"name": "nova", "domain": {"id": "9", "name": "x"}}
    entry = {"user": user, "role": {"name": "admin"}, "scope": {"system": {"all": True}}}
    assert identity.parse(entry).user == "nova of domain x"


@pytest.mark.parametrize("text", ["", "garbage", "user\troot", "on\tnova", "user\ta\tb\tc\td\te\tf\tg\th"])
def test_unreadable_rows_are_no_accounts(text):
    assert accounts.parse(text) == []


def test_the_proof_of_a_password_is_that_of_the_database():
    """SELECT PASSWORD('password') of MariaDB gives this text, as its documentation shows."""
    stored = "mysql_native_password *2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
    assert accounts.proof("password") == hashlib.sha256(stored.encode()).hexdigest()


def test_an_account_is_printed_without_the_proof_of_its_password():
    (account,) = accounts.parse("user\tnova\t%\t0\t1\t0\tsecret\n")
    assert "secret" not in f"{account} {account!r}"


def test_a_source_is_a_network_with_its_mask():
    assert accounts.source(IPv4Network("10.0.0.0/24")) == "10.0.0.0/255.255.255.0"


@pytest.mark.parametrize(
    ("status", "public", "age", "fails"),
    [
        ("active", True, 9999, False),
        ("queued", True, 0, True),
        ("deactivated", True, 0, True),
        ("queued", False, 9999, False),
        ("saving", False, 3599, False),
        ("saving", False, 3601, True),
        ("importing", False, 3601, True),
    ],
)
def test_an_image_fails_where_glance_and_not_its_owner_is_late(status, public, age, fails):
    assert image.Image("1", "a", status, 0, public, age).fails(3600) == fails


def test_only_enabled_endpoints_of_enabled_services_are_listed():
    services = [
        SimpleNamespace(id=name, name=name, type=f"type of {name}", is_enabled=name != "disabled")
        for name in ("nova", "disabled")
    ]
    endpoints = [
        SimpleNamespace(service_id=service, is_enabled=enabled, interface="public", region_id="r", url="http://x")
        for service, enabled in (("nova", True), ("nova", False), ("disabled", True), ("unknown", True))
    ]
    api = SimpleNamespace(services=lambda: services, endpoints=lambda: endpoints)
    found = identity.endpoints(SimpleNamespace(identity=api))
    assert found == [identity.Endpoint("nova", "type of nova", "public", "r", "http://x")]
