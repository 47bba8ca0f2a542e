"""Every machine answers the runner over SSH with a known host key, and the user has root rights."""

import pytest

pytestmark = pytest.mark.precheck


def test_host_answers_with_a_known_host_key(node, readings):
    readings.reader(node).check("true")


def test_user_has_root_rights(node, reader, cluster, expect):
    result = reader.run("id -u")
    expect(
        f"user ID of commands of user {cluster.ssh.user}",
        result.out.strip() or result.err.strip(),
        "0",
        look="NOPASSWD of the user (sudo -l), and ssh.sudo in the inventory"
        if cluster.ssh.sudo
        else "ssh.sudo in the inventory",
    )
