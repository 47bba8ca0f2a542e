"""What is on hosts, what the databases record, and what of both has no counterpart."""

import subprocess
import sys

import pytest

from deploy.errors import CommandFailed
from deploy.facts import hosted, orphans, recorded
from deploy.facts.ended import END
from deploy.facts.hosted import INSTANCES, NETWORKING, Hosted
from deploy.facts.recorded import Recorded, Router

ROUTER = "4a7f210b-ebfd-4c1c-9c15-c4eef8bda3c1"
INSTANCE = "0a4b29d9-9006-40aa-ace1-a05dd0e3cf21"


class Answering:
    """A host that answers every command with one text, and keeps the commands."""

    name = "node01"

    def __init__(self, text):
        self.text, self.asked = text, []

    def check(self, command, *arguments, stdin="", timeout=None):
        self.asked.append((command, arguments, stdin, timeout))
        return self.text


@pytest.fixture
def records(recording):
    return recorded.parse(recording("recorded", "networking"))


@pytest.fixture
def hosts(recording):
    cases = {"compute01": "standby", "compute02": "active"}
    return {name: hosted.parse(recording("hosted", case)) for name, case in cases.items()}


@pytest.mark.parametrize("kind", NETWORKING)
@pytest.mark.parametrize("host", ["compute01", "compute02"])
def test_a_whole_host_lacks_nothing(records, hosts, host, kind):
    assert records.missing(host, kind, hosts[host]) == frozenset()


@pytest.mark.parametrize("kind", NETWORKING)
def test_a_whole_host_has_nothing_more(records, hosts, kind):
    assert records.left_over("compute02", kind, hosts["compute02"]) == frozenset()


def test_bridges_of_deleted_networks_are_left_over(records, hosts):
    left = {kind: names for kind in NETWORKING if (names := records.left_over("compute01", kind, hosts["compute01"]))}
    assert left == {
        "bridge": {"brq1a8644f4-1a", "brq795a156d-87", "brq8577e553-d0"},
        "vxlan": {"vxlan-2210", "vxlan-12573", "vxlan-12963"},
    }


def test_a_bridge_without_a_tap_is_not_left_over():
    records = recorded.parse("*\tbridge\tb\t0\n")
    here = Hosted({"bridge": frozenset({"b", "idle", "busy"}), "idle": frozenset({"idle"})})
    assert records.left_over("compute01", "bridge", here) == {"busy"}


@pytest.mark.parametrize("kind", NETWORKING)
def test_everything_wanted_is_missed_on_a_bare_host(records, kind):
    assert records.missing("compute01", kind, Hosted())


@pytest.mark.parametrize("kind", NETWORKING)
def test_everything_is_left_over_without_records(hosts, kind):
    assert Recorded().left_over("compute02", kind, hosts["compute02"]) == hosts["compute02"].of(kind) != frozenset()


@pytest.mark.parametrize("kind", INSTANCES)
def test_an_instance_is_wanted_on_its_host_only(recording, hosts, kind):
    records = recorded.parse(recording("recorded", "instances"))
    assert records.missing("compute01", kind, hosts["compute01"]) == frozenset()
    assert records.left_over("compute01", kind, hosts["compute01"]) == frozenset()
    assert records.missing("compute01", kind, hosts["compute02"]) == {INSTANCE}
    assert records.left_over("compute02", kind, hosts["compute01"]) == {INSTANCE}


def test_a_thing_that_may_be_there_is_neither_missing_nor_left_over():
    records = recorded.parse("one.example.org\tinstance\ta\t0\n*\tbridge\tb\t0\n")
    assert records.missing("one", "instance", Hosted()) == frozenset()
    assert records.left_over("one", "instance", Hosted({"instance": frozenset("a")})) == frozenset()
    assert records.left_over("two", "instance", Hosted({"instance": frozenset("a")})) == {"a"}
    assert records.left_over("two", "bridge", Hosted({"bridge": frozenset("b")})) == frozenset()


def test_a_thing_that_one_record_wants_is_wanted():
    records = recorded.parse("one\ttap\ta\t1\none\ttap\ta\t0\n")
    assert records.missing("one", "tap", Hosted()) == {"a"}


# -- addresses of routers ------------------------------------------------------------------------


def test_addresses_on_the_active_host_are_placed_well(records, hosts):
    assert len(records.routers[ROUTER].addresses) == 4
    assert records.misplaced(hosts) == {}


def on(address, *names, among=("one", "two")):
    return {
        name: Hosted(addresses={f"qrouter-{ROUTER}": frozenset({"127.0.0.1", *([address] if name in names else [])})})
        for name in among
    }


@pytest.mark.parametrize(
    ("holders", "active", "wrong"),
    [
        (("one",), {"one"}, False),
        (("one", "two"), {"one"}, True),  # two where one is promised
        ((), {"one"}, True),
        (("two",), {"one"}, True),  # the database says otherwise than the kernel
        (("one",), {"one", "two"}, False),  # test_every_router_is_active_on_exactly_one_node tells of this
        (("one",), set(), True),
    ],
)
def test_an_address_belongs_to_the_active_host_alone(holders, active, wrong):
    records = Recorded(routers={ROUTER: Router(frozenset(active), frozenset({"10.0.0.1"}))})
    expected = {f"10.0.0.1 of router {ROUTER}": holders} if wrong else {}
    assert records.misplaced(on("10.0.0.1", *holders)) == expected


@pytest.mark.parametrize(("address", "wrong"), [("10.0.0.9", True), ("169.254.192.1", False), ("2001:db8::9", False)])
def test_an_address_that_no_record_explains_is_misplaced(address, wrong):
    records = Recorded(routers={ROUTER: Router(frozenset({"one"}), frozenset())})
    assert bool(records.misplaced(on(address, "one"))) == wrong


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "garbage", "a\tb\tc\td\te\n", "\t\n\x00\n", "ERROR 1146 (42S02) at line 1: no"])
def test_unreadable_text_holds_nothing(text):
    assert recorded.parse(text) == Recorded()
    assert hosted.parse("address\tx\n").addresses == {}
    assert orphans.parse(text) in ({}, {"": ("",)})


@pytest.mark.parametrize("text", ["", "bridge\tbrq1\n", "end\nbridge\tbrq1\n", "bash: python3: command not found"])
def test_an_incomplete_list_is_an_error(text):
    with pytest.raises(CommandFailed, match="incomplete"):
        hosted.read(Answering(text))


def test_a_complete_list_is_read_after_the_delay():
    host = Answering("bridge\tbrq1\nend\n")
    assert hosted.read(host, after=45).of("bridge") == {"brq1"}
    assert host.asked[0][1] == (45,)
    assert host.asked[0][3] > 60  # a command of seconds is sent alone


def test_the_script_runs():
    done = subprocess.run(
        [sys.executable, "-IS", "-", "0"], input=hosted._SCRIPT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, hosted.LAST), done.stderr


def test_taps_of_instances_are_wanted_only_with_nova():
    with_nova, without = Answering(""), Answering("")
    recorded.networking(with_nova, nova=True)
    recorded.networking(without, nova=False)
    assert "nova.instances" in with_nova.asked[0][2]
    assert "nova." not in without.asked[0][2]


def test_images_are_named_by_their_uuid():
    assert recorded.images(Answering("*\timage\ta\t0\n*\timage\tb\t0\n")) == {"a", "b"}


def test_orphans_are_read_of_the_clusters_own_projects():
    host = Answering(f"cell mappings of computes that are gone\tghost\n{END}\n")
    assert orphans.read(host, frozenset({"nova"})) == {"cell mappings of computes that are gone": ("ghost",)}
    query = host.asked[0][2]
    assert "nova_api.host_mappings" in query
    assert not any(name in query for name in ("neutron.", "placement.", "keystone.", "ALIVE", "COMPUTES", "OVER"))
