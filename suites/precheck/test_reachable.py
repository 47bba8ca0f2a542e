"""Every machine lets the runner in: it answers, its host key is known, and the user may do what root may."""

import pytest

pytestmark = pytest.mark.precheck


def test_it_answers_with_a_known_host_key(node, readings):
    readings.reader(node).check("true")


def test_the_user_may_do_what_root_may(node, reader, cluster, expect):
    said = reader.run("id -u")
    expect(
        f"rights of user {cluster.ssh.user}",
        said.out.strip() or said.err.strip(),
        "0",
        look="NOPASSWD of the user (sudo -l), and ssh.sudo in the inventory" if cluster.ssh.sudo else "ssh.sudo",
    )
