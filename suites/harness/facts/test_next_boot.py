"""The next boot: settings, mounts, units, accounts and logs that would change by themselves."""

import pytest

from deploy.facts import next_boot
from deploy.facts.next_boot import Account, NextBoot

EMPTY = {**dict.fromkeys(next_boot.SECTIONS, ""), "today": "20786"}


def said(**sections):
    """The state of a host whose script printed these sections; the others are empty."""
    return next_boot.parse("".join(f"@{name}\n{text}\n" for name, text in (EMPTY | sections).items()))


@pytest.fixture
def whole(recording):
    return next_boot.parse(recording("next_boot", "whole"))


def test_a_recorded_host_stays_as_it_is(whole):
    assert (whole.answered, whole.today, whole.kernel) == (True, 20786, "6.1.0-18-amd64")
    assert whole.sysctl["net.ipv4.ip_nonlocal_bind"] == "1"
    assert {"corosync.service", "memcached.service"} <= whole.enabled
    assert "pcsd.service" not in whole.enabled
    assert whole.accounts["root"] == Account(changed=20786, longest=99999, expires=None)
    assert (whole.unmounted, whole.unconfigured, whole.reboot, whole.stale) == ((), (), (), {})
    assert (whole.unrotated, whole.rotation, whole.rewrites_hosts) == ((), (), False)


@pytest.mark.parametrize("text", ["", "garbage", "@end\n", "@today\n1\n", "@today\n@end\n"])
def test_an_incomplete_answer_is_none(text):
    assert next_boot.parse(text) == NextBoot()


def test_an_answer_that_breaks_off_is_none(recording):
    assert not next_boot.parse(recording("next_boot", "whole").removesuffix("@end\n")).answered
    assert not said(today="yesterday").answered


def test_the_last_value_of_a_setting_counts():
    text = "# /usr/lib/sysctl.d/50.conf\nnet.ipv4.ip_forward = 1\n;a=b\n\n-net/ipv4/ip_forward=0\n"
    assert said(sysctl=text).sysctl == {"net.ipv4.ip_forward": "0"}


# -- mounts --------------------------------------------------------------------------------------

ROOT = "20 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw"
DATA = r"21 20 254:2 / /srv/my\040data rw shared:2 - xfs /dev/vdb rw"
BOUND = "22 20 254:1 /usr/lib/os-release /run/host/os-release ro - ext4 /dev/vda1 rw"
TEMPORARY = "23 20 0:20 / /run rw - tmpfs tmpfs rw"


def test_a_mounted_disk_without_an_entry_is_gone_after_a_boot():
    assert said(mounts=f"{ROOT}\n{DATA}\n{BOUND}\n{TEMPORARY}").unconfigured == ("/srv/my data",)


def test_a_mount_unit_makes_the_mount_again():
    assert said(mounts=f"{ROOT}\n{DATA}", units="srv-my\\x20data.mount\n").unconfigured == ()


def test_an_entry_that_is_not_mounted_is_found():
    fstab = r"""
# <file system> <mount point> <type> <options>
UUID=1 / ext4 errors=remount-ro 0 1
/dev/vdb /srv/my\040data xfs defaults 0 2
/dev/vdc /var/lib/glance/ xfs defaults 0 2
/dev/vdd /media/usb auto noauto,user 0 0
/dev/vde none swap sw 0 0
host:/x /net/x nfs x-systemd.automount 0 0
"""
    assert said(fstab=fstab, mounts=f"{ROOT}\n{DATA}").unmounted == ("/var/lib/glance",)


# -- accounts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "until"),
    [
        ("root:20000:99999:", None),
        ("nova:20000::", None),
        ("root:20000:90:", 20090),
        ("root:20000:99999:20800", 20800),
        ("root:20000:90:20010", 20010),
        ("root:0:99999:", 0),
        ("root::90:", None),
    ],
)
def test_an_account_ends_on_the_earlier_day(line, until):
    (account,) = said(accounts=line).accounts.values()
    assert account.until() == until


# -- kernel, programs, logs ------------------------------------------------------------------------


def test_kernels_are_in_the_order_of_their_versions():
    found = said(kernel="6.1.0-9-amd64\n6.1.0-9-amd64\n6.1.0-18-amd64", reboot="linux-image-amd64\nlibc6\n")
    assert (found.kernel, found.kernels[-1]) == ("6.1.0-9-amd64", "6.1.0-18-amd64")
    assert found.reboot == ("linux-image-amd64", "libc6")


def test_replaced_files_are_listed_by_unit():
    stale = said(stale="nova-compute /usr/lib/libssl.so.3\nnova-compute /usr/bin/python3.11\nssh /usr/sbin/sshd").stale
    assert stale["nova-compute"] == {"/usr/lib/libssl.so.3", "/usr/bin/python3.11"}
    assert stale["ssh"] == {"/usr/sbin/sshd"}


def test_an_open_log_that_logrotate_does_not_know_is_found():
    rotation = "considering log /var/log/a.log\nerror: b:1 unknown option 'dayly' -- ignoring line"
    found = said(logs="/var/log/a.log\n/var/log/b.log", rotation=rotation)
    assert found.unrotated == ("/var/log/b.log",)
    assert found.rotation == ("error: b:1 unknown option 'dayly' -- ignoring line",)


@pytest.mark.parametrize(
    ("line", "rewrites"),
    [
        ("", False),
        ("manage_etc_hosts: true", True),
        ('manage_etc_hosts: "localhost"', True),
        ("manage_etc_hosts: template", True),
        ("manage_etc_hosts : false", False),
    ],
)
def test_cloud_init_rewrites_the_hosts_file(line, rewrites):
    assert said(cloud=line).rewrites_hosts is rewrites
