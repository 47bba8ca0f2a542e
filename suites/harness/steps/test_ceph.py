"""Ceph's step: what differs of pools and keys, what is amiss, and which disks and OSDs are touched."""

from dataclasses import replace

import pytest

from deploy import rados
from deploy.catalogue.model import Rbd
from deploy.errors import StepFailed
from deploy.facts import ceph, ceph_disks, disks, systemd
from deploy.facts.ceph import CephStatus, Osd
from deploy.facts.disks import Disk
from deploy.facts.systemd import Unit
from deploy.finding import Finding
from deploy.making import ceph_mons, ceph_osds, ceph_pools, roll
from deploy.rados import Pool
from deploy.snapshot import Snapshot
from deploy.steps import ceph as step

STORES = ("storage01", "storage02", "storage03")
WHOLE = CephStatus("x", "HEALTH_OK", (), STORES, 3, 3, 3, 3, 8, (("active+clean", 8),), 0.1, True)
RBD = (Rbd("glance", ("images",)), Rbd("nova", ("vms",), writes=("volumes",), reads=("images",)))


@pytest.fixture
def site(site_of):
    made = site_of("lab")
    projects = tuple(replace(each, rbd=RBD if each.name == "glance" else ()) for each in made.catalogue.projects)
    return replace(made, catalogue=replace(made.catalogue, projects=projects))


def test_rights_are_those_of_the_projects_alone(site):
    wanted = rados.accounts(site.cluster, site.catalogue, site.secrets)
    assert wanted["client.glance"].rights == {
        "mon": "profile rbd",
        "mgr": "profile rbd pool=images",
        "osd": "profile rbd pool=images",
    }
    assert wanted["client.nova"].rights["osd"] == (
        "profile rbd pool=vms, profile rbd pool=volumes, profile rbd-read-only pool=images"
    )
    assert wanted["client.nova"].key == site.secrets.cephx("ceph.nova")
    assert {name for name in wanted if name.startswith("mgr.")} == {f"mgr.{name}" for name in STORES}


def test_keys_are_written_as_ceph_reads_them():
    text = ceph_mons.keyring({"client.x": rados.Account("k==", {"mon": "profile rbd", "osd": "a, b"})})
    assert text == '[client.x]\n\tkey = k==\n\tcaps mon = "profile rbd"\n\tcaps osd = "a, b"\n'


def test_pools_of_all_projects_have_three_copies(site):
    wanted = rados.pools(site.cluster, site.catalogue)
    assert wanted["vms"] == Pool("vms", 3, 2, 16, ("rbd",))
    assert wanted.keys() == {rados.OWN, "images", "vms"}


def names(commands):
    return [f"{each.prefix} {dict(each.arguments).get('var', '')}".strip() for each in commands]


def test_a_pool_with_other_settings_is_set_right():
    wanted = Pool("images", 3, 2, 16, ("rbd",))
    assert ceph_pools.differences(wanted, wanted) == []
    assert names(ceph_pools.differences(wanted, replace(wanted, size=2, min_size=1))) == [
        "osd pool set size",
        "osd pool set min_size",
    ]
    assert names(ceph_pools.differences(wanted, replace(wanted, groups=8))) == [
        "osd pool set pg_num",
        "osd pool set pgp_num",
    ]
    assert ceph_pools.differences(wanted, replace(wanted, groups=32)) == []
    assert names(ceph_pools.differences(wanted, replace(wanted, uses=()))) == ["osd pool application enable"]
    assert names(ceph_pools.differences(wanted, None))[0] == "osd pool create"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quorum": STORES[:2]}, "the monitors of storage03 are not in the quorum"),
        ({"quorum": (*STORES, "storage04")}, "storage04 has a monitor, and is not in the inventory"),
        ({"managed": False}, "no manager is active"),
        ({"up": 2}, "2 of 3 OSDs are up"),
        ({"inside": 2}, "2 of 3 OSDs are in"),
        ({"states": (("active+clean", 7), ("peering", 1))}, "not all 8 placement groups are active+clean: 1 peering"),
        ({"osds": 0, "up": 0, "inside": 0}, "0 of 0 OSDs are up"),
    ],
)
def test_what_is_amiss_is_named(changes, words):
    (found,) = step.judged(replace(WHOLE, **changes), STORES)
    assert words in str(found)


def test_nothing_is_amiss_with_a_whole_cluster():
    assert list(step.judged(WHOLE, STORES)) == []


def test_a_disk_that_carries_anything_stops_the_build_before_any_change(site, monkeypatch):
    found = {"/dev/sdb": Disk("/dev/sdb", carries=("ext4 at 0x438",))}
    monkeypatch.setattr(disks, "read", lambda host, _: found if host.name == "storage02" else {})
    with pytest.raises(StepFailed, match="nothing was changed") as caught:
        ceph_osds.refuse(site)
    assert "storage02: /dev/sdb IS NOT EMPTY: it carries ext4 at 0x438" in caught.value.seen


@pytest.fixture
def told(monkeypatch):
    """The commands given to the monitors, by name and number."""
    done = []
    monkeypatch.setattr(
        ceph_osds, "tell", lambda _, __, *asked: done.extend((q.prefix, *dict(q.arguments).values()) for q in asked)
    )
    monkeypatch.setattr(disks, "read", lambda *_: {})
    return done


KNOWN = (Osd(0, "storage01", True, True), Osd(1, "storage02", False, True), Osd(2, "storage04", False, True))


def test_osds_that_are_lost_are_forgotten_where_all_data_is_in_reach(site, told, monkeypatch):
    monkeypatch.setattr(ceph, "osds", lambda _: KNOWN)
    monkeypatch.setattr(ceph, "status", lambda _: replace(WHOLE, states=(("active+undersized", 8),)))
    ceph_osds._forget(site, {"storage01": {0}, "storage02": {3}, "storage03": set()})
    assert told == [
        ("osd purge-actual", 1, True),
        ("osd purge-actual", 2, True),
        ("osd crush rm", "storage04"),
    ]


@pytest.mark.parametrize("there", [{1, 2}, {1}])
def test_an_osd_whose_data_a_host_has_is_kept(site, told, monkeypatch, there):
    monkeypatch.setattr(ceph, "osds", lambda _: KNOWN)
    monkeypatch.setattr(ceph, "status", lambda _: WHOLE)
    ceph_osds._forget(site, {"storage01": {0}, "storage02": there, "storage03": set()})
    assert not [each for each in told if each[1] in there]


def test_no_osd_is_forgotten_while_data_is_out_of_reach(site, told, monkeypatch):
    monkeypatch.setattr(ceph, "osds", lambda _: KNOWN)
    monkeypatch.setattr(ceph, "status", lambda _: replace(WHOLE, states=(("active+clean", 7), ("down", 1))))
    ceph_osds._forget(site, {"storage01": {0}, "storage02": set(), "storage03": set()})
    assert told == []


def test_no_new_cluster_begins_where_osds_have_data(site, monkeypatch):
    monkeypatch.setattr(ceph_disks, "folders", lambda _: (ceph_disks.Folder(0, "x", ready=True),))
    with pytest.raises(StepFailed, match="no monitor has data, and storage01, storage02, storage03 have OSDs"):
        ceph_mons._refuse_orphans(site)


# -- restarts: one daemon after the other -----------------------------------------------------------------------------


class Rolled:
    """Hosts on which restarts are due; a restart ends them, and is noted with what is waited for."""

    def __init__(self, due):
        self.due = {name: set(units) for name, units in due.items()}
        self.seen = []

    def units(self, host, names):
        return {name: Unit(name, pending=name in self.due.get(host.name, ())) for name in names}

    def script(self, host):
        def run(text, **_):
            for unit in [unit for unit in self.due[host.name] if f"systemctl restart {unit} " in text]:
                self.due[host.name].remove(unit)
                self.seen.append(f"{host.name} {unit}")

        return run

    def amiss(self, now, step, hosts):
        del now, step
        return [
            Finding(f"{unit} has not restarted", name, unit)
            for name in hosts
            for unit in sorted(self.due.get(name, ()))
        ]


@pytest.fixture
def rolled(site, monkeypatch):
    """Roll the step with these restarts due; return what was done, in order."""

    def roll_them(**due):
        made = Rolled(due)
        monkeypatch.setattr(systemd, "units", made.units)
        monkeypatch.setattr(roll.amiss, "units", made.amiss)
        monkeypatch.setattr(roll, "START", 0.1)
        monkeypatch.setattr(step, "cluster", lambda _: made.seen.append("agreed") or ())
        monkeypatch.setattr(step, "_daemons", lambda _: made.seen.append("works") or ())
        monkeypatch.setattr(step.time, "sleep", lambda seconds: made.seen.append(f"{seconds:g} s"))
        for host in site.members("ceph-mon").values():
            host.script = made.script(host)
        step._roll(site)
        return made.seen

    return roll_them


def test_a_restart_waits_for_the_daemon_and_for_its_news_and_not_for_what_restarts_later(rolled):
    each = ["works", "6 s"]
    done = rolled(storage01=["ceph-osd", "ceph-mon"], storage03=["ceph-mgr"])
    assert done == [
        *("agreed", "storage01 ceph-mon", *each),
        *("agreed", "storage01 ceph-osd", *each),
        *("agreed", "storage03 ceph-mgr", *each),
        "agreed",
    ]


def test_without_a_change_nothing_restarts(rolled):
    assert rolled() == ["agreed"]


@pytest.mark.parametrize(
    ("state", "words"), [("leader", []), ("peon", []), ("electing", ["mon.storage02 is electing"]), ("", ["silent"])]
)
def test_a_monitor_works_once_it_says_so(site, monkeypatch, state, words):
    states = {"storage01": "leader", "storage02": state, "storage03": "peon"}
    monkeypatch.setattr(ceph, "monitor", lambda host: ceph.Monitor(states[host.name]))
    monkeypatch.setattr(step, "osds", lambda _: ())
    found = [str(each) for each in step._daemons(Snapshot(site))]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))
