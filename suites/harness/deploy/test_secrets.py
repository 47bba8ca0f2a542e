"""Secrets: generated once, readable only by their owner, shared by all processes, masked everywhere else."""

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import paths
from deploy.errors import StackproofError
from deploy.masking import MASK
from deploy.secrets import Secrets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "secrets.json"


@pytest.fixture
def secrets(path: Path) -> Secrets:
    return Secrets(path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read_the_file(secrets, path):
    before = os.umask(0)
    try:
        assert secrets["a"]
    finally:
        os.umask(before)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}


def test_no_file_is_written_before_the_first_secret(secrets, path):
    assert secrets.redact("text") == "text"
    assert not path.parent.exists()


def test_a_secret_is_generated_once_and_kept_for_the_next_run(secrets, path):
    made = [secrets["galera.nova"], secrets.fernet("fernet"), secrets.long("long")]
    again = Secrets(path)
    assert [again["galera.nova"], again.fernet("fernet"), again.long("long")] == made


def test_secrets_of_two_uses_differ(secrets):
    assert secrets["a"] != secrets["b"]


def test_secrets_have_the_required_length(secrets):
    assert len(secrets["a"]) == 32
    assert len(base64.urlsafe_b64decode(secrets.fernet("b"))) == 32
    assert len(secrets.long("c")) >= 128


def test_openssh_reads_a_private_key_and_the_key_is_kept(secrets, path, tmp_path):
    private = tmp_path / "id_ed25519"
    private.write_text(secrets.ssh("nova.ssh"))
    private.chmod(0o600)
    derived = subprocess.run(["ssh-keygen", "-y", "-f", private], capture_output=True, text=True, check=True)
    assert derived.stdout.split()[:2] == secrets.ssh_public("nova.ssh").split()
    assert Secrets(path).ssh("nova.ssh") == secrets.ssh("nova.ssh")


def test_the_lines_of_a_private_key_are_masked_except_shared_ones(secrets):
    first, same, *own, last = secrets.ssh("one").splitlines()
    assert secrets.ssh("other").splitlines()[:2] == [first, same]
    assert [secrets.redact(f"+{line}") for line in own] == [f"+{MASK}"] * len(own)
    assert [secrets.redact(line) for line in (first, same, last)] == [first, same, last]
    assert secrets.redact(public := secrets.ssh_public("one")) == public


def test_two_objects_opened_before_generation_agree(path):
    one, other = Secrets(path), Secrets(path)
    assert one["a"] == other["a"]
    assert other["b"] == one["b"]


RACER = """
import json, pathlib, sys
from deploy.secrets import Secrets
secrets = Secrets(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([secrets[f"use-{number}"] for number in range(5)]))
"""


def test_concurrent_processes_agree(path):
    command = [sys.executable, "-c", RACER, str(path)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    results = [json.loads(racer.communicate(timeout=20)[0]) for racer in racers]
    assert results == [results[0]] * 4
    assert len(json.loads(path.read_text())) == 5


def test_a_learned_secret_is_known_and_never_written(secrets, path):
    secrets.learn("power.controller01", "of-the-owner")
    secrets["another"]
    assert secrets["power.controller01"] == "of-the-owner"
    assert "of-the-owner" not in path.read_text()
    assert Secrets(path)["power.controller01"] != "of-the-owner"


def test_a_learned_secret_overrides_a_stored_one(path):
    Secrets(path)["power.controller01"]
    later = Secrets(path)
    later.learn("power.controller01", "new-password")
    later["another"]
    assert later["power.controller01"] == "new-password"


def test_every_known_secret_is_masked(secrets):
    secrets.learn("power", "of-the-owner")
    text = f"{secrets['a']} and of-the-owner, {secrets['b']}!"
    assert secrets.redact(text) == f"{MASK} and {MASK}, {MASK}!"


def test_a_secret_that_contains_another_is_masked_completely(secrets):
    secrets.learn("short", "pass")
    secrets.learn("long", "password")
    assert secrets.redact("password") == MASK


def test_an_empty_secret_masks_nothing(secrets):
    secrets.learn("power", "")
    assert secrets.redact("text") == "text"


class MakesOne(str):
    """A text that generates a secret while it is being masked, as another thread might."""

    def replace(self, *_: object) -> str:
        self.secrets["made meanwhile"]  # type: ignore[attr-defined]
        return self

    def __contains__(self, _: object) -> bool:
        self.secrets["made meanwhile"]  # type: ignore[attr-defined]
        return False


def test_generating_a_secret_during_masking_is_harmless(secrets):
    assert secrets["a"]
    assert secrets["b"]
    text = MakesOne("text")
    text.secrets = secrets
    assert secrets.redact(text) == "text"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"5", b"\xff\xfe\x00"])
def test_a_broken_file_is_an_error_and_is_kept(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StackproofError, match="cannot be read") as caught:
        Secrets(path)
    assert str(path) in str(caught.value)
    assert "backup" in caught.value.hint
    assert path.read_bytes() == content


def test_each_cluster_has_its_own_secrets(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Secrets.of("one", makes=True).path == paths.state("one") / "secrets.json"
    assert Secrets.of("one", makes=True)["a"] != Secrets.of("two", makes=True)["a"]
