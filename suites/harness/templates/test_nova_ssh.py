"""nova-ssh: what another compute asks for during a migration is run, and nothing else."""

import io
import os
import subprocess
import sys

import pytest

UUID = "0b8c3f9e-5a39-4f5c-9f0b-1c2d3e4f5a6b"
SERVER = "/usr/lib/openssh/sftp-server"


@pytest.fixture
def nova_ssh(shipped):
    return shipped("nova-ssh", "compute01")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("true", ["true"]),
        ("sh -c 'virt-ssh-helper 'qemu:///system''", ["virt-ssh-helper", "qemu:///system"]),
        (
            f"touch /var/lib/nova/instances/{UUID}/{'0a' * 16}.tmp",
            ["touch", f"/var/lib/nova/instances/{UUID}/{'0a' * 16}.tmp"],
        ),
        (
            f"rm /var/lib/nova/instances/{UUID}/{'0a' * 16}.tmp",
            ["rm", f"/var/lib/nova/instances/{UUID}/{'0a' * 16}.tmp"],
        ),
        (f"mkdir -p /var/lib/nova/instances/{UUID}", ["mkdir", "-p", f"/var/lib/nova/instances/{UUID}"]),
        (f"rm -rf /var/lib/nova/instances/{UUID}", ["rm", "-rf", f"/var/lib/nova/instances/{UUID}"]),
    ],
)
def test_a_migration_runs(nova_ssh, asked, words):
    assert nova_ssh.command(asked) == words


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "id",
        "true; id",
        "sh -c 'virt-ssh-helper 'qemu:///session''",
        "sh -c 'virt-ssh-helper 'qemu:///system''; id",
        f"rm -rf /var/lib/nova/instances/{UUID}/../../.ssh",
        f"rm -rf /var/lib/nova/instances/{UUID}\n",
        f"rm -rf /var/lib/nova/instances/{UUID} /etc",
        "rm -rf /var/lib/nova/instances",
        f"rm /var/lib/nova/instances/{UUID}/disk",
        "touch /var/lib/nova/.ssh/rc",
        "scp -r -t /var/lib/nova/instances",
        "rsync --server . /",
    ],
)
def test_anything_else_is_refused(nova_ssh, asked):
    with pytest.raises(nova_ssh.Refused):
        nova_ssh.command(asked)


def test_the_address_of_libvirts_client_asks_for_what_is_allowed(nova_ssh, tree_of):
    """The helper's argument is the address without its host and without what is for the client alone."""
    uri = next(
        line for line in tree_of("lab")["compute01"]["/etc/nova/nova.conf"].text.splitlines() if "migration_uri" in line
    )
    assert uri == "live_migration_uri = qemu+ssh://nova@%s/system?no_tty=1&proxy=native"
    assert nova_ssh.LIBVIRT == "sh -c 'virt-ssh-helper 'qemu:///system''"


def request(kind, path, number=1):
    return bytes([kind]) + number.to_bytes(4, "big") + len(path).to_bytes(4, "big") + path


def test_paths_outside_the_instances_are_refused(nova_ssh, tmp_path):
    folder = tmp_path / "instances"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    nova_ssh.INSTANCES = str(folder)
    nova_ssh.check(request(nova_ssh.OPEN, bytes(folder / "one/disk")))
    nova_ssh.check(b"\x01\0\0\0\3")
    nova_ssh.check(request(nova_ssh.EXTENDED, b"limits@openssh.com"))
    for path in (
        b"instances",
        b".",
        b"",
        bytes(folder / "../x"),
        bytes(folder / "out/x"),
        b"/etc/passwd",
        bytes(folder) + b"2/x",
    ):
        with pytest.raises(nova_ssh.Refused):
            nova_ssh.check(request(nova_ssh.OPEN, path))
    for kind in (13, 15, 18, 19, 20):  # remove, rmdir, rename, readlink, symlink
        with pytest.raises(nova_ssh.Refused):
            nova_ssh.check(request(kind, bytes(folder / "one")))
    with pytest.raises(nova_ssh.Refused):
        nova_ssh.check(request(nova_ssh.EXTENDED, b"posix-rename@openssh.com"))


def test_a_packet_that_sftp_forbids_is_refused(nova_ssh):
    assert list(nova_ssh.packets(io.BytesIO(b"\0\0\0\1a\0\0\0\2b"))) == [b"\0\0\0\1a"]
    for size in (0, nova_ssh.LONGEST + 1):
        with pytest.raises(nova_ssh.Refused):
            list(nova_ssh.packets(io.BytesIO(size.to_bytes(4, "big"))))


@pytest.mark.skipif(not os.path.exists(SERVER), reason=f"{SERVER} is missing: install openssh-sftp-server")
def test_scp_copies_to_and_from_an_instance_only(tree_of, tmp_path):
    """The real scp and sftp-server, with the program between them in place of sshd."""
    folder, other, source = tmp_path / "instances", tmp_path / "other", tmp_path / "disk"
    folder.mkdir(), other.mkdir()
    source.write_bytes(os.urandom(3_000_000))
    program = tmp_path / "nova-ssh"
    text = tree_of("lab")["compute01"]["/usr/local/libexec/stackproof/nova-ssh"].text
    program.write_text(text.replace("/var/lib/nova/instances", str(folder)))
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nSSH_ORIGINAL_COMMAND={SERVER} exec {sys.executable} -I {program}\n")
    ssh.chmod(0o755)

    def scp(from_, to):
        words = ["scp", "-S", str(ssh), "-C", "-r", str(from_), str(to)]
        return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)

    assert (done := scp(source, f"host:{folder}/disk")).returncode == 0, done.stderr
    assert (folder / "disk").read_bytes() == source.read_bytes()
    assert (done := scp(f"host:{folder}/disk", tmp_path / "back")).returncode == 0, done.stderr
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert scp(source, f"host:{folder}").returncode == 0  # a folder as the target
    refused = scp(source, f"host:{other}/disk")
    assert refused.returncode != 0
    assert "refused: no migration asks for this" in refused.stderr
    assert not list(other.iterdir())
