"""Keys of the lab: created on the runner, so that every host key is known before the host first boots."""

import os
import secrets
from pathlib import Path

from deploy.inventory import Cluster, Node
from deploy.lab import names
from deploy.lab.shell import run

KEY = names.STATE / "id_ed25519"
KNOWN_HOSTS = names.STATE / "known_hosts"
PASSWORD = names.STATE / "power.password"


def ensure_runner() -> None:
    """Create the runner's SSH key and the power controller's password where they are missing."""
    names.STATE.mkdir(parents=True, exist_ok=True)
    names.STATE.chmod(0o700)
    ensure_pair(KEY, "stackproof")
    if not PASSWORD.exists():
        write_private(PASSWORD, secrets.token_urlsafe(24))


def ensure_pair(path: Path, comment: str) -> None:
    """Create an SSH key pair where one of its files is missing."""
    if path.exists() and path.with_name(f"{path.name}.pub").exists():
        return
    path.unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path)


def identify(node: Node) -> None:
    """Write a host's identity into its root: host name, machine ID, host key, and the runner's authorized key."""
    home, root = names.home(node.name), names.root(node.name)
    pair = home / "ssh_host_ed25519_key"
    ensure_pair(pair, node.name)
    ssh = root / "root/.ssh"
    ssh.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(ssh / "authorized_keys", KEY.with_name(f"{KEY.name}.pub").read_text())
    write_private(root / "etc/ssh/ssh_host_ed25519_key", pair.read_text())
    (root / "etc/ssh/ssh_host_ed25519_key.pub").write_text(pair.with_name(f"{pair.name}.pub").read_text())
    (root / "etc/hostname").write_text(f"{node.name}\n")
    (root / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n")


def record_hosts(cluster: Cluster) -> None:
    """Write the known_hosts file with each host's key at its management address."""
    lines = []
    for node in cluster.nodes:
        public = names.home(node.name) / "ssh_host_ed25519_key.pub"
        if public.exists():
            kind, key, *_ = public.read_text().split()
            lines.append(f"{node.management} {kind} {key}\n")
    write_private(KNOWN_HOSTS, "".join(lines))


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically by one that only its owner can read."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.rename(path)
