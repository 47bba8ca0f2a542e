"""The `openstack` command with clouds.yaml and the openrc files as the build writes them, used as a person would."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import cloud, paths
from deploy.content import IMAGE

PATIENCE = 120
"""Seconds for one command; a client starts in some 3 s on a core of its own."""
PUBLIC = "/etc/ssl/certs/ca-certificates.crt"
"""The authorities that Debian trusts."""
pytestmark = [pytest.mark.flow, pytest.mark.project("keystone", "glance", "neutron", "content")]


@pytest.fixture(scope="module")
def folder(site, content):
    """Where the build wrote the files for clients."""
    return paths.state(site.cluster.name)


@pytest.fixture(scope="module")
def shell(site, folder, tmp_path_factory):
    """Runs a line in a shell in that folder, as somebody without settings of their own; returns the ended process."""
    beside = Path(sys.executable).parent / "openstack"
    if not beside.exists() and not shutil.which("openstack"):
        pytest.skip("the command `openstack` is missing: pip install python-openstackclient")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTHON"))}
    clean |= {"HOME": str(tmp_path_factory.mktemp("home")), "PATH": f"{beside.parent}:{os.environ['PATH']}"}

    passwords = [site.secrets[f"keystone.{user}"] for user in (cloud.ADMIN, cloud.DEMO)]

    def run(line, **settings):
        environment = clean | settings
        ended = subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if any(password in ended.stdout + ended.stderr for password in passwords):
            pytest.fail(f"it shows a password: {line}", pytrace=False)
        return ended

    return run


@pytest.fixture(scope="module")
def printed(shell):
    """Runs a line, which must succeed; returns what it prints, which is JSON."""

    def run(line, **settings):
        ended = shell(line, **settings)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    return run


@pytest.fixture(scope="module")
def home(demo):
    return demo.session.current_project_id


def test_files_are_for_their_owner_alone(folder):
    modes = {
        name: oct((folder / name).stat().st_mode & 0o777) for name in ("clouds.yaml", "admin-openrc", "demo-openrc")
    }
    assert set(modes.values()) == {"0o600"}, modes


def test_clouds_yaml_signs_in(printed, home):
    """The option `--debug` shows every request, and no password."""
    token = printed("openstack --debug --os-cloud demo token issue -f json")
    assert token["project_id"] == home


def test_clouds_yaml_lists_the_images(printed, folder):
    listed = printed("openstack image list -f json", OS_CLOUD="demo", OS_CLIENT_CONFIG_FILE=str(folder / "clouds.yaml"))
    assert IMAGE in [image["Name"] for image in listed]


def test_openrc_makes_and_deletes_a_thing(printed, demo, home):
    name = demo.name("client")
    network = demo.session.network
    line = f". ./demo-openrc && openstack security group create -f json {name}"
    made = demo.made(
        "security group", printed(line), lambda each: network.delete_security_group(each["id"], ignore_missing=True)
    )
    assert network.get_security_group(made["id"]).project_id == home
    assert printed(f". ./demo-openrc && openstack security group delete {name}") is None
    assert network.find_security_group(made["id"]) is None


def test_administrators_openrc_has_an_administrators_rights(printed):
    listed = printed(". ./admin-openrc && openstack project list -f json")
    assert {cloud.ADMIN, cloud.DEMO, "service"} <= {project["Name"] for project in listed}


def test_cloud_that_is_not_in_the_file_is_named(shell):
    ended = shell("openstack --os-cloud nobody token issue")
    assert ended.returncode != 0
    assert "Cloud nobody was not found" in ended.stderr


def test_wrong_password_is_told_in_one_line(shell):
    ended = shell("openstack --os-cloud demo --os-password wrong token issue")
    assert ended.returncode != 0
    assert "The request you have made requires authentication" in ended.stderr


def test_client_that_does_not_trust_the_authority_goes_no_further(site, shell):
    if not site.ca:
        pytest.skip(
            "every client trusts the certificate of this cluster, or it has none; tls = 'vip' without [certificate] in "
            "the inventory lets the build make an authority that a client can refuse"
        )
    ended = shell(f"openstack --os-cloud demo --os-cacert {PUBLIC} token issue")
    assert ended.returncode != 0
    assert "certificate verify failed" in ended.stderr
