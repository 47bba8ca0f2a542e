"""Facts of volumes: volume groups and their disks, modules of the kernel, and NFS exports."""

import os
import socket
import struct
import subprocess
import threading
from types import SimpleNamespace

import pytest

from deploy.facts import disks, exports, modules, volume_group
from deploy.facts.disks import Disk
from deploy.facts.ended import END
from deploy.facts.volume_group import VolumeGroup
from deploy.host import Reads, Result, spelled
from deploy.inventory import Node

MEMBER = ("LVM2_member at 0x218",)
DISKS = f"""disk\t/dev/sdb
saw\tLVM2_member at 0x218
group\tcinder-volumes
disk\t/dev/sdc
group\t
disk\t/dev/sdd
saw\tLVM2_member at 0x218
group\tsystem
disk\t/dev/sde
missing
{END}
"""


class ThisMachine(Reads):
    """This machine, as a host that is only read."""

    def __init__(self):
        super().__init__(Node(name="here", roles=(), addresses={}))

    def run(self, command, *arguments, stdin="", timeout=None):
        text = spelled(command, arguments)
        ended = subprocess.run(
            ["sh", "-c", text], input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
        return Result(self.name, text, ended.returncode, ended.stdout, ended.stderr)


def lvm(groups, about=DISKS):
    """A host with those volume groups and disks."""

    def check(_command, *_arguments, stdin, timeout):
        return about if "wipefs" in stdin else f"{groups}{END}\n"

    return SimpleNamespace(name="storage01", check=check)


def test_disks_of_a_volume_group_are_known_by_its_name():
    found = disks.parse(DISKS)
    assert found == (
        Disk("/dev/sdb", carries=MEMBER, group="cinder-volumes"),
        Disk("/dev/sdc"),
        Disk("/dev/sdd", carries=MEMBER, group="system"),
        Disk("/dev/sde", there=False),
    )


def test_a_group_is_made_of_empty_disks_and_its_own_alone():
    paths = ("/dev/sdb", "/dev/sdc", "/dev/sdd", "/dev/sde")
    group = volume_group.read(lvm("  cinder-volumes\n  system\n"), "cinder-volumes", paths)
    assert group.there
    assert group.refused == (
        "/dev/sdd IS NOT EMPTY: it carries a part of the volume group system, LVM2_member at 0x218",
        "/dev/sde is not there, or is no disk",
    )
    assert volume_group.read(lvm(""), "cinder-volumes", paths[:2]).outside == ("/dev/sdc",)


def test_a_group_that_neither_is_there_nor_has_disks_is_refused():
    assert VolumeGroup("v", there=True).refused == ()
    assert VolumeGroup("v").refused == ("there is no volume group v, and the inventory names no disks for one",)
    assert VolumeGroup("v", disks=(Disk("/dev/sdb"),)).refused == ()


def test_a_machine_without_lvm_has_no_groups_and_its_files_are_no_disks():
    group = volume_group.read(ThisMachine(), "no-such-group", ["/dev/null"])
    assert group == VolumeGroup("no-such-group", disks=(Disk("/dev/null", there=False),))


def test_modules_that_a_kernel_lacks_are_named():
    assert modules.parse("lacks dm_thin_pool\nlacks\ngarbage x y\n") == ("dm_thin_pool",)
    assert modules.lacking(ThisMachine(), ["no_such_module_at_all"]) == ("no_such_module_at_all",)


def test_an_export_of_a_silent_server_is_refused_with_the_reason():
    found = exports.refused(ThisMachine(), ["127.0.0.1:/srv/volumes", "no-host.invalid:/srv"])
    assert found.keys() == {"127.0.0.1:/srv/volumes", "no-host.invalid:/srv"}
    assert all(why.startswith("it does not answer at port 2049: ") for why in found.values())


@pytest.fixture
def server():
    """A server at the loopback address that has one reply for every call, and its port."""
    threads = []

    def serve(reply):
        listening = socket.create_server(("127.0.0.1", 0))

        def answer():
            with listening, listening.accept()[0] as stream:
                (size,) = struct.unpack(">I", stream.recv(4, socket.MSG_WAITALL))
                stream.recv(size & 0x7FFFFFFF, socket.MSG_WAITALL)
                stream.sendall(struct.pack(">I", len(reply) | 1 << 31) + reply)

        threads.append(threading.Thread(target=answer))
        threads[-1].start()
        return listening.getsockname()[1]

    yield serve
    for thread in threads:
        thread.join(10)


@pytest.mark.skipif(os.geteuid() != 0, reason="a client of NFS takes a port below 1024: run the harness as root")
@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("exported", ""),
        ("absent", "there is no such export"),
        ("without-4.0", ""),
        ("version-3", ""),
        ("no-nfs", "it does not serve NFS (RPC answer 1)"),
    ],
)
def test_an_export_is_looked_up(recording, server, case, why):
    replies = dict(line.split() for line in recording("exports", "replies").splitlines())
    port = server(bytes.fromhex(replies[case]))
    found = exports.refused(ThisMachine(), ["127.0.0.1:/srv/volumes"], port)
    assert found == ({"127.0.0.1:/srv/volumes": why} if why else {})


@pytest.mark.skipif(os.geteuid() != 0, reason="a client of NFS takes a port below 1024: run the harness as root")
@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH_9.2 is no answer of NFS", bytes(12)])
def test_an_answer_of_something_else_is_no_answer(server, reply):
    (why,) = exports.refused(ThisMachine(), ["127.0.0.1:/srv"], server(reply)).values()
    assert why.startswith("it does not answer at port ")


@pytest.mark.parametrize("text", ["", "garbage\n", "one\ttwo\tthree\n", "f:/a\t\n"])
def test_an_export_that_answers_has_no_reason(text):
    assert exports.parse(text) == {}
