"""Runs of the prechecks against a real sshd on this machine, which plays several machines; the runs only read."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
PRIVILEGE_SEPARATION = Path("/run/sshd")
PLUGIN = '    "fixtures.prechecks",\n'

pytestmark = pytest.mark.skipif(
    SSHD is None, reason="no sshd on this machine: apt-get install openssh-server (it need not run)"
)

INVENTORY = """
[cluster]
name = "mirror"
platform = "debian-12"

[ssh]
user = "{user}"
port = {port}
key = "{keys}/user"
known_hosts = "{keys}/known_hosts"

[networks.management]
cidr = "127.9.0.0/16"
interface = "lo"

[networks.provider]
cidr = "10.66.0.0/24"
interface = "absent0"
pool = ["10.66.0.100", "10.66.0.199"]

[nodes]
c1 = {{ roles = ["controller"], management = "127.9.0.11" }}
w1 = {{ roles = ["compute", "network"], management = "127.9.0.21" }}
w2 = {{ roles = ["compute", "network"], management = "{w2}" }}
"""
CAPACITY = """
[capacity.flavors.nano]
vcpus = 1
memory_mib = 16
disk_gib = 0
instances = 1
"""
LAB = '[lab]\nimage = "full"\n'
QUICK = "reachable or capacity or hostname or clock or interface_matches"
"""The prechecks that take no longer than a second."""
OPTIONS = (
    "-p", "no:cacheprovider", "-v", "-rs", "-m", "precheck", "-k", QUICK, "--inventory=mirror.toml", "suites/precheck",
)  # fmt: skip
RUNS = {
    "all answer": (INVENTORY + CAPACITY, "127.9.0.22", ()),
    "with workers": (INVENTORY + CAPACITY, "127.9.0.22", ("-n", "2")),
    "one is off": (INVENTORY, "127.9.0.99", ()),
    "a lab that is not up": (INVENTORY + LAB, "127.9.0.22", ()),
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    return folder


@pytest.fixture(scope="module")
def port(keys):
    """The port of an sshd for the current user, which listens at three addresses only."""
    addresses = ("127.9.0.11", "127.9.0.21", "127.9.0.22")
    with socket.create_server((addresses[0], 0)) as free:
        number = free.getsockname()[1]
    settings = [f"ListenAddress {address}:{number}" for address in addresses]
    settings += [f"HostKey {keys}/host", f"AuthorizedKeysFile {keys}/authorized", "StrictModes no", "PidFile none"]
    settings += ["PermitRootLogin prohibit-password", "PasswordAuthentication no"]
    (keys / "sshd_config").write_text("\n".join(settings) + "\n")
    known = [f"[{address}]:{number} {(keys / 'host.pub').read_text()}" for address in (*addresses, "127.9.0.99")]
    (keys / "known_hosts").write_text("".join(known))
    ours = os.geteuid() == 0 and not PRIVILEGE_SEPARATION.exists()
    if ours:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755)
    with (keys / "log").open("w") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", keys / "sshd_config"], stderr=log)
    try:
        answers(addresses[-1], number, keys / "log")
        yield number
    finally:
        time.sleep(0.2)  # sshd ends its sessions
        server.terminate()
        server.wait(timeout=10)
        if ours:
            PRIVILEGE_SEPARATION.rmdir()


def answers(address: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"sshd does not answer: {log.read_text()}")


def checkout(folder: Path) -> Path:
    for name in ("deploy", "fixtures", "templates", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "suites").mkdir()
    (folder / "suites/precheck").symlink_to(ROOT / "suites/precheck")
    plugins = (ROOT / "conftest.py").read_text()
    (folder / "conftest.py").write_text(plugins if PLUGIN in plugins else plugins.replace("]\n", f"{PLUGIN}]\n"))
    return folder


@pytest.fixture(scope="module")
def outputs(tmp_path_factory, keys, port) -> dict[str, str]:
    """The output of each run; the runs are parallel."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    begun = {}
    for name, (text, w2, options) in RUNS.items():
        folder = checkout(tmp_path_factory.mktemp("checkout"))
        (folder / "mirror.toml").write_text(text.format(user=getpass.getuser(), port=port, keys=keys, w2=w2))
        begun[name] = subprocess.Popen(
            [sys.executable, "-m", "pytest", *OPTIONS, *options],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(folder), "XDG_STATE_HOME": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return {name: process.communicate(timeout=120)[0] for name, process in begun.items()}


@pytest.mark.parametrize("name", ["all answer", "with workers"])
def test_tables_and_notes_of_passed_checks_are_printed(outputs, name):
    assert "test_computes_carry_the_demand_with_one_lost[demand]" in outputs[name]
    assert outputs[name].count("1 x nano") == 1, outputs[name]
    assert "all 2 computes: a place for every instance (1)" in outputs[name]
    assert f"c1: its hostname is {os.uname().nodename}; the build changes it to c1" in outputs[name]


def test_a_fault_of_one_node_is_one_red_line_with_host_and_subject(outputs):
    red = [line for line in outputs["all answer"].splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert [line for line in red if "[w1-provider]" in line and "test_interface_matches_the_inventory" in line]
    assert "seen: no such interface; there are " in outputs["all answer"]


def test_a_dead_machine_is_one_red_line_and_its_other_checks_are_left_out(outputs):
    red = [line for line in outputs["one is off"].splitlines() if line.startswith(("FAILED", "ERROR")) and "w2" in line]
    assert len(red) == 1, outputs["one is off"]
    assert "test_reachable.py::test_host_answers_with_a_known_host_key[w2]" in red[0]
    assert "left out 5: w2 does not answer" in outputs["one is off"]


def test_without_a_demand_capacity_is_left_out_with_the_reason(outputs):
    assert "left out 2: suites/precheck/test_capacity.py: the inventory has no capacity" in outputs["one is off"]


def test_a_lab_that_is_not_up_is_one_error(outputs):
    output = outputs["a lab that is not up"]
    assert "the lab mirror is not up" in output
    assert " 1 error" in output.splitlines()[-1]
    assert " failed" not in output.splitlines()[-1]
