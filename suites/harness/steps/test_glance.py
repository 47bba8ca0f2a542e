"""Glance's step: images move from disks to Ceph one by one, and no file goes before its record has the new place."""

from types import SimpleNamespace

import pytest

from deploy.errors import StepFailed
from deploy.facts import image
from deploy.host import Host
from deploy.steps import glance as step
from suites.harness.clusters import choosing

FSID = "5f3f6f0c-9f4a-4b57-9f0e-9c1f4a4b6d11"
FIRST, SECOND = (f"3c2f9a2e-7a53-4a71-b8a5-0f6f5a3a7a0{n}" for n in (1, 2))


@pytest.fixture
def cloud(site_of, monkeypatch):
    """Three controllers; two images by the records, each on the disk of one controller; what was done, in order."""
    now = SimpleNamespace(
        site=site_of(choosing("lab", "glance", "ceph")),
        done=[],
        on_disk={FIRST: 5, SECOND: 7},
        in_ceph=set(),
        deleted=set(),
        differs=set(),
        files={"controller01": {FIRST: 5}, "controller02": {SECOND: 7, FIRST: 3}, "controller03": {}},
    )

    def sql(_, statement, **__):
        if statement.startswith("UPDATE"):
            moved = next(each for each in now.on_disk if f"/{each}'" in statement)
            if moved in now.deleted:
                return "0\n"
            assert f"rbd://{FSID}/images/{moved}/snap" in statement
            assert '{"store": "ceph"}' in statement
            del now.on_disk[moved]
            now.in_ceph.add(moved)
            now.done.append(("records", moved))
            return "1\n"
        if "i.size" in statement:
            return "".join(f"{n}\t{each}\t{size}\tsha512\tab\n" for n, (each, size) in enumerate(now.on_disk.items()))
        assert "rbd://" in statement
        return "\n".join(now.in_ceph)

    def check(host, command, *arguments, **_):
        assert command.startswith("runuser -u glance -- ")
        now.done.append((host.name, *arguments[:2]))
        return "differs\n" if arguments[1] in now.differs else f"rbd://{FSID}/images/{arguments[1]}/snap\n"

    monkeypatch.setattr(step.database, "sql", sql)
    monkeypatch.setattr(image, "stored", lambda host: now.files[host.name])
    monkeypatch.setattr(Host, "check", check)
    monkeypatch.setattr(Host, "changed", lambda *_: None)
    monkeypatch.setattr(Host, "change", lambda host, _, script: now.done.append((host.name, script)))
    return now


def removed(cloud):
    return [(host, script) for host, script, *_ in cloud.done if script.startswith("rm ")]


def test_each_image_moves_from_the_host_with_its_whole_file(cloud):
    step._moved(cloud.site)
    assert cloud.done[:4] == [
        ("controller01", "copy", FIRST),
        ("records", FIRST),
        ("controller02", "copy", SECOND),
        ("records", SECOND),
    ]
    assert removed(cloud) == [
        ("controller01", f"rm -f -- /var/lib/glance/images/{FIRST}"),
        ("controller02", f"rm -f -- /var/lib/glance/images/{FIRST} /var/lib/glance/images/{SECOND}"),
    ]


def test_a_file_that_an_interrupted_build_left_is_removed(cloud):
    cloud.on_disk, cloud.in_ceph = {}, {FIRST}
    step._moved(cloud.site)
    assert [host for host, *_ in cloud.done] == ["controller01", "controller02"]
    assert removed(cloud) == cloud.done


@pytest.mark.parametrize("why", ["differs", "files"])
def test_an_image_that_cannot_be_moved_keeps_record_and_file(cloud, why):
    setattr(cloud, why, {FIRST} if why == "differs" else {**cloud.files, "controller01": {}})
    with pytest.raises(StepFailed, match=FIRST):
        step._moved(cloud.site)
    assert FIRST in cloud.on_disk
    assert SECOND in cloud.in_ceph
    assert removed(cloud) == []


def test_the_copy_of_an_image_that_was_deleted_meanwhile_is_discarded(cloud):
    cloud.deleted = {FIRST}
    step._moved(cloud.site)
    assert ("controller01", "discard", FIRST) in cloud.done
    assert SECOND in cloud.in_ceph


def test_a_cluster_without_ceph_keeps_its_images(cloud, site_of):
    step._moved(site_of("lab-small"))
    assert cloud.done == []


@pytest.mark.parametrize("text", ["", "garbage", "1\ta\tNULL\tsha512\tab", "x\ta\t1\tsha512\tab"])
def test_rows_of_garbage_are_skipped(text):
    assert step.parse(text) == []
