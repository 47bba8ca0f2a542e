"""Differences from what the build sets: each kind of change is one, and a value that means the same as none is none."""

import pytest

from deploy import catalogue, inventory
from deploy.cib import differences, items, wanted
from deploy.facts import pacemaker


@pytest.fixture
def found(recording):
    """Differences of the recorded CIB in which the first `old` became `new`."""

    def after(old: str = "", new: str = "") -> list[str]:
        text = recording("pacemaker", "cib")
        assert old in text
        return [each.what for each in _of(text.replace(old, new, 1))]

    return after


def _of(text: str) -> list[differences.Difference]:
    cluster = inventory.load("lab-small")
    return differences.of_cluster(pacemaker.parse_configuration(text).items, cluster, catalogue.load().of(cluster))


def test_configuration_as_the_build_left_it_has_none(found):
    assert found() == []


CONSTRAINT = '<rsc_location id="by-hand" rsc="vip" node="controller01" score="5"/>'
RESOURCE = '<group id="two"><primitive id="mail" class="systemd" type="postfix"/></group>'
LEVEL = '<fencing-level id="fl" target="controller01" index="1" devices="fence-controller01"/>'
ALERT = '<alert id="pager" path="/bin/true"><recipient id="pager-1" value="token=s3cret"/></alert>'
ACL = '<acl_role id="reader"><acl_permission id="r" kind="read" xpath="/cib"/></acl_role>'


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("<constraints>", f"<constraints>{CONSTRAINT}", ["constraint by-hand is not ours"]),
        ("<resources>", f"<resources>{RESOURCE}", ["resource mail is not ours", "resource two is not ours"]),
        (
            "</crm_config>",
            '<cluster_property_set id="mine"><nvpair id="a" name="batch-limit" value="1"/></cluster_property_set>'
            "</crm_config>",
            ["property batch-limit is not ours"],
        ),
        ("</nodes>", '<node id="4" uname="ghost"/></nodes>', ["node ghost is not ours"]),
        (
            "</configuration>",
            f"<fencing-topology>{LEVEL}</fencing-topology></configuration>",
            ["fencing level fl is not ours"],
        ),
        ("</configuration>", f"<alerts>{ALERT}</alerts></configuration>", ["alert pager is not ours"]),
        ("</configuration>", f"<acls>{ACL}</acls></configuration>", ["ACL reader is not ours"]),
        (
            "</configuration>",
            '<tags><tag id="t"><obj_ref id="vip"/></tag></tags></configuration>',
            ["tag t is not ours"],
        ),
        (
            "</configuration>",
            '<op_defaults><meta_attributes id="o"><nvpair id="o1" name="timeout" value="5s"/></meta_attributes>'
            "</op_defaults></configuration>",
            ["default of operations timeout is not ours"],
        ),
        (
            "</configuration>",
            '<later><thing id="one"/></later></configuration>',
            ["later one is not ours"],
        ),
    ],
)
def test_foreign_thing_is_a_difference_by_its_name(found, old, new, what):
    assert found(old, new) == what


CLONE = 'name="interleave" value="true"/>'


def meta(name: str, value: str) -> str:
    """The meta attribute of a clone, and one more."""
    return f'{CLONE}<nvpair id="more" name="{name}" value="{value}"/>'


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('name="no-quorum-policy" value="stop"', 'name="no-quorum-policy" value="ignore"', "value is ignore"),
        ('name="monitor" interval="5s"', 'name="monitor" interval="90s"', "op monitor interval is 90s"),
        ('id="vip-stop" name="stop"', 'id="vip-stop" name="stop" on-fail="ignore"', "op stop on-fail is ignore"),
        ('value="172.16.181.30"', 'value="172.16.181.99"', "parameter ip is 172.16.181.99"),
        ('name="migration-threshold" value="1"', 'name="migration-threshold" value="9"', "migration-threshold is 9"),
        (CLONE, meta("is-managed", "false"), "meta is-managed is false"),
        (CLONE, meta("target-role", "Stopped"), "meta target-role is Stopped"),
        ('rsc="vip" score="INFINITY"', 'rsc="vip" score="1"', "score is 1"),
        ('rsc="vip" score="INFINITY"', 'score="INFINITY"', "rsc is not set"),
        ('operation="eq"', 'operation="ne"', "expression vip-away-from-dc-is operation is ne"),
        ('class="systemd"', 'class="lsb"', "class is lsb"),
    ],
)
def test_change_of_ours_is_a_difference_with_both_values(found, old, new, what):
    (difference,) = found(old, new)
    assert f"{what}, expected: " in difference


@pytest.mark.parametrize(
    ("old", "what"),
    [
        (
            '<rsc_location id="fence-controller02-elsewhere" rsc="fence-controller02" node="controller02" '
            'score="-INFINITY"/>',
            "constraint fence-controller02-elsewhere is missing",
        ),
        (
            '<nvpair id="cib-bootstrap-options-load-threshold" name="load-threshold" value="0%"/>',
            "property load-threshold is missing",
        ),
        ('<node id="3" uname="controller03"/>', "node controller03 is missing"),
        (
            '<nvpair id="vip-params-nic" name="nic" value="eth0"/>',
            "resource vip: parameter nic is not set, expected: eth0",
        ),
    ],
)
def test_thing_of_ours_that_is_missing_is_a_difference(found, old, what):
    assert found(old) == [what]


def test_every_item_is_missing_from_an_empty_configuration():
    cluster = inventory.load("lab-small")
    ours = items.of_part(wanted.whole(cluster, catalogue.load().of(cluster)))
    assert len(_of("<configuration/>")) == len(ours) + 3


def test_node_in_standby_is_a_difference_with_the_command_that_ends_it(recording):
    pair = '<node id="1" uname="controller01"><instance_attributes id="a"><nvpair id="b" name="standby" value="on"/>'
    text = recording("pacemaker", "cib").replace(
        '<node id="1" uname="controller01"/>', f"{pair}</instance_attributes></node>"
    )
    (difference,) = _of(text)
    assert difference.what == "node controller01: parameter standby is on, expected: not set"
    assert "crm_attribute --type nodes --node controller01 --name standby --delete" in difference.hint


NODE = '<node id="2" uname="controller02"'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{NODE}/>", f'{NODE}><instance_attributes id="n"/></node>'),
        (f"{NODE}/>", f'{NODE} type="member"/>'),
        (
            f"{NODE}/>",
            f'{NODE}><instance_attributes id="n"><nvpair id="s" name="standby" value="off"/></instance_attributes>'
            "</node>",
        ),
        (CLONE, meta("maintenance", "false")),
        ("</cluster_property_set>", '<nvpair id="m" name="maintenance-mode" value="false"/></cluster_property_set>'),
        ("</cluster_property_set>", '<nvpair id="m" name="last-lrm-refresh" value="1"/></cluster_property_set>'),
        ("</configuration>", "<tags/><rsc_defaults/></configuration>"),
        ('id="vip-params-ip"', 'id="another-id"'),
    ],
)
def test_value_that_means_the_same_as_none_is_no_difference(found, old, new):
    assert found(old, new) == []


def test_property_that_a_rule_limits_is_foreign(found):
    rule = '<rule id="r" score="1"><date_expression id="d" operation="gt" start="2020-01-01"/></rule>'
    pair = '<nvpair id="p" name="maintenance-mode" value="false"/>'
    extra = f'<cluster_property_set id="at-night">{rule}{pair}</cluster_property_set></crm_config>'
    assert found("</crm_config>", extra) == ["property maintenance-mode is not ours"]


def test_second_value_of_a_property_is_foreign(found):
    pair = '<nvpair id="p" name="no-quorum-policy" value="ignore"/>'
    extra = f'<cluster_property_set id="mine">{pair}</cluster_property_set></crm_config>'
    assert found("</crm_config>", extra) == ["property no-quorum-policy (mine) is not ours"]


def test_element_that_has_only_an_id_counts(found):
    old = '<rsc_order id="haproxy-then-vip" first="haproxy-clone" then="vip" kind="Optional"/>'
    new = old.replace("/>", '><resource_set id="s"><resource_ref id="vip"/></resource_set></rsc_order>')
    place = "resource_set s resource_ref vip"
    assert found(old, new) == [f"constraint haproxy-then-vip: {place} is empty, expected: not set"]


def test_second_monitor_is_a_difference(found):
    extra = '<op id="again" name="monitor" interval="30s" timeout="1s"/><op id="vip-start"'
    assert found('<op id="vip-start"', extra) == [
        "resource vip: op monitor interval (2) is 30s, expected: not set",
        "resource vip: op monitor name (2) is monitor, expected: not set",
        "resource vip: op monitor timeout (2) is 1s, expected: not set",
    ]


IN_FENCE = '<nvpair id="fence-controller01-params-ip" '
IN_VIP = '<nvpair id="vip-params-ip" '


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (IN_FENCE, f'<nvpair id="x" name="passwd" value="s3cret"/>{IN_FENCE}', "passwd is set, and is not ours"),
        ('name="username" value="stackproof"', 'name="username" value="s3cret"', "parameter username differs"),
        (IN_VIP, f'<nvpair id="x" name="k" value="s3cret"/>{IN_VIP}', "parameter k is set, and is not ours"),
    ],
)
def test_no_value_that_may_be_a_secret_is_shown(recording, old, new, what):
    (difference,) = _of(recording("pacemaker", "cib").replace(old, new, 1))
    assert what in difference.what
    assert "s3cret" not in repr(difference)


def test_foreign_alert_is_shown_without_its_recipient(recording):
    text = recording("pacemaker", "cib").replace("</configuration>", f"<alerts>{ALERT}</alerts></configuration>")
    assert "s3cret" not in repr(_of(text))


def test_removal_of_a_foreign_thing_is_in_its_hint(recording):
    text = recording("pacemaker", "cib").replace("<constraints>", f"<constraints>{CONSTRAINT}")
    (difference,) = _of(text)
    assert difference.hint.startswith("cibadmin --query --xpath \"//constraints//*[@id='by-hand']\"; --delete")
