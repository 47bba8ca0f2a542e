"""Facts of mounts: which file systems services write to, their space, and what cannot be written."""

import os

import pytest

from deploy.facts import mounts
from deploy.facts.mounts import Mount, Mounts, Space
from fixtures.prechecks import ThisMachine

HERE = ThisMachine()
ROOT = "mount 30 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro"


@pytest.fixture
def edited(recording):
    """The recorded mounts of the controller with lines added."""
    return lambda *lines: mounts.parse("\n".join([recording("mounts", "controller"), *lines]))


def targets(found):
    return [mount.target for mount in found.written]


def test_services_of_a_controller_write_to_its_root_and_its_memory(recording):
    found = mounts.parse(recording("mounts", "controller"))
    assert targets(found) == ["/", "/tmp", "/dev/shm", "/run", "/run/lock"]
    assert found.written[0] == Mount("/", "overlay", False, Space(10163, 9481, 163840, 162108))
    assert found.unwritable == ()


def test_views_of_the_kernel_and_of_the_container_are_left_out(recording):
    found = mounts.parse(recording("mounts", "compute"))
    assert not [target for target in targets(found) if target.startswith(("/proc", "/sys", "/run/host", "/run/cred"))]
    assert all(mount.space for mount in found.written)


@pytest.mark.parametrize(
    ("options", "of_system"),
    [("ro,relatime", "rw"), ("rw,relatime", "ro,errors=remount-ro"), ("rw", "rw,emergency_ro"), ("rw", "rw,shutdown")],
    ids=["the mount alone", "by the kernel", "ext4 after an error", "ext4 shut down"],
)
def test_a_file_system_that_refuses_writes_is_read_only(edited, options, of_system):
    found = edited(f"mount 9000 291 8:2 / /var/lib/mysql {options} shared:9 - ext4 /dev/sdb1 {of_system}")
    assert [mount.target for mount in found.written if mount.read_only] == ["/var/lib/mysql"]


def test_a_later_mount_hides_an_earlier_one_at_its_place(edited):
    writable = "mount 9000 291 8:2 / /var/log rw - xfs /dev/sdb1 rw"
    found = edited(writable, writable.replace("rw", "ro").replace("9000 291", "9001 9000"))
    assert [mount.read_only for mount in found.written if mount.target == "/var/log"] == [True]


def test_a_mount_below_a_later_one_is_hidden_unless_it_is_mounted_on_it():
    lines = [ROOT, "mount 31 30 8:2 / /var rw - xfs x rw", "mount 32 31 8:3 / /var/log rw - xfs y rw"]
    assert targets(mounts.parse("\n".join(lines))) == ["/", "/var", "/var/log"]
    over = "mount 33 31 8:4 / /var rw - xfs z rw"
    assert targets(mounts.parse("\n".join([*lines, over]))) == ["/", "/var"]
    again = "mount 34 33 8:3 / /var/log rw - xfs y rw"
    assert targets(mounts.parse("\n".join([*lines, over, again]))) == ["/", "/var", "/var/log"]


def test_a_mount_that_fstab_makes_read_only_is_meant_so(edited):
    lines = [
        "mount 9000 291 8:2 / /var/mirror ro - ext4 /dev/sdb1 ro",
        "fstab /dev/sdb1 /var/mirror ext4 defaults,ro 0 2",
    ]
    assert "/var/mirror" not in targets(edited(*lines))
    assert "/var/mirror" in targets(edited(lines[0], lines[1].replace(",ro", "")))
    assert "/var/mirror" in targets(edited(lines[0], "fstab garbage"))
    assert "/var/mirror" in targets(edited(*lines, "folder n /var/mirror/mysql"))


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("/srv/data rw - xfs /dev/sdb1 rw", False),
        ("/usr ro - ext4 /dev/sdb1 ro", False),
        ("/variable rw - ext4 /dev/sdb1 rw", False),
        ("/var/lib/docker/overlay2/1/merged rw - overlay overlay rw", False),
        ("/var/lib/snapd/snap/core/1 ro - squashfs /dev/loop1 ro", False),
        ("/run/credentials/a.service ro - tmpfs tmpfs ro", False),
        ("/run/user/1000 rw - tmpfs tmpfs rw", False),
        ("/var/lib/nova/instances rw - nfs4 filer:/nova rw", True),
        ("/var rw shared:1 master:2 - btrfs /dev/sdb1 rw", True),
    ],
)
def test_services_write_to_a_mount_below_var_run_and_tmp(edited, line, counts):
    target, options, rest = line.split(" ", 2)
    assert (target in targets(edited(f"mount 9000 291 8:2 / {target} {options} {rest}"))) is counts


def test_the_mount_that_holds_a_folder_of_a_service_counts_wherever_it_is(edited):
    mount = "mount 9000 291 8:2 / /srv/data rw - xfs /dev/sdb1 rw"
    found = edited(mount, "size 100 4096 5 0 0 /srv/data", "folder y /srv/data/mysql")
    assert found.written[-1] == Mount("/srv/data", "xfs", False, Space(0, 0, 0, 0))
    assert "/srv/data" not in targets(edited(mount, "folder y /srv/database"))


def test_a_mount_that_does_not_answer_has_no_space(edited):
    found = edited("mount 9000 291 0:50 / /var/lib/nova/instances rw - nfs4 filer:/nova rw")
    assert found.written[-1].space is None


def test_a_folder_that_root_cannot_write_is_named(edited):
    assert edited("folder n /var/lib/my sql").unwritable == ("/var/lib/my sql",)


def test_folders_that_did_not_answer_are_not_known(recording):
    found = mounts.parse(recording("mounts", "controller").replace("folders known", ""))
    assert found.unwritable is None


def test_a_blank_in_a_mount_point_is_read():
    assert mounts.parse(f"{ROOT}\nmount 31 30 8:2 / /var/a\\040b rw - ext4 x rw").written[1].target == "/var/a b"


@pytest.mark.parametrize("text", ["", "\n", "garbage", "mount", "mount 1 2 3 /", "size 1 2 3 /", "fstab", "folder"])
def test_unreadable_output_lists_no_mount(text):
    assert mounts.parse(text) == Mounts()


def test_the_root_of_this_machine_is_read(tmp_path):
    found = mounts.read(HERE, ["root"], [str(tmp_path), str(tmp_path / "absent")])
    root = next(mount for mount in found.written if mount.target == "/")
    status = os.statvfs("/")
    assert root.space
    assert root.space.size_mib == status.f_blocks * status.f_frsize // 2**20
    assert root.space.inodes == status.f_files
    assert found.unwritable == ()


def test_one_mount_that_does_not_answer_hides_no_other(tmp_path, monkeypatch):
    (tmp_path / "stat").write_text(
        '#!/bin/sh\nfor last; do [ "$last" = / ] && exit 124; done; exec /usr/bin/stat "$@"\n'
    )
    (tmp_path / "stat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = {mount.target: mount.space for mount in mounts.read(HERE, [], []).written}
    assert found.pop("/") is None
    assert all(found.values())
