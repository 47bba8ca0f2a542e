"""The owner: a runner without a cluster's secrets neither builds nor judges it, and makes none."""

import io
import sys
from dataclasses import replace

import pytest

from deploy.__main__ import main
from deploy.errors import HostUnreachable, StackproofError
from deploy.facts import built
from deploy.facts.built import Built
from deploy.facts.ended import END
from deploy.host import Host, Result
from deploy.owner import require
from deploy.secrets import IDENTITY, Secrets

OTHER = "f" * 32


@pytest.fixture
def secrets(tmp_path):
    made = Secrets(tmp_path / "secrets.json")
    assert made[IDENTITY]
    return made


@pytest.fixture
def none(tmp_path):
    return Secrets(tmp_path / "none.json", makes=False)


@pytest.fixture
def owned(site_of, monkeypatch):
    """Returns a function that asks whether the lab is ours: the secrets, and what its hosts say by name."""

    def ask(own, others):
        def execute(host, *_):
            if (said := others.get(host.name, Built())) is None:
                raise HostUnreachable(f"{host.name}: no connection")
            lines = [f"{what} {text}" for what in ("cluster", "identity") if (text := getattr(said, what))]
            return Result(host.name, "", 0, "\n".join([*lines, END]) + "\n", "")

        monkeypatch.setattr(Host, "_execute", execute)
        require(replace(site_of("lab"), secrets=own))

    return ask


def test_bare_hosts_belong_to_anybody(owned, secrets, none):
    owned(secrets, {})
    owned(none, {})


def test_hosts_that_were_built_with_these_secrets_are_ours(owned, secrets):
    owned(secrets, {"controller01": Built("lab", secrets.identity), "compute01": None})


def test_one_host_of_other_secrets_is_enough_to_refuse(owned, secrets):
    with pytest.raises(StackproofError, match="built with other secrets than this runner has") as caught:
        owned(secrets, {"controller01": Built("lab", secrets.identity), "compute02": Built("lab", OTHER)})
    assert caught.value.seen == "built with other secrets: compute02"
    assert "secrets export" in caught.value.hint


def test_a_runner_without_secrets_is_refused_and_makes_none(owned, none):
    for said in (Built("lab", OTHER), Built("lab")):
        with pytest.raises(StackproofError) as caught:
            owned(none, {"controller03": said})
        assert caught.value.seen == "no secrets here, and hosts of that cluster: controller03"
    assert not none.path.exists()


def test_hosts_of_an_earlier_version_are_ours_where_there_are_secrets(owned, secrets):
    owned(secrets, {"controller01": Built("lab")})


def test_a_cluster_of_another_name_is_no_matter_of_this_check(owned, none):
    owned(none, {"controller01": Built("elsewhere", OTHER)})  # deploy.precheck refuses it


def test_without_a_build_a_missing_secret_is_not_made(none):
    assert none["galera.nova"] == none.long("galera.nova") == none.fernet("galera.nova") == "unsaved galera.nova"
    assert none.ssh_public("nova.ssh") == "unsaved nova.ssh (public)"
    assert none.known_identity == ""
    assert not none.path.exists()


def test_a_passing_secret_is_masked_and_not_saved(none):
    password = none.passing("drill.rows")
    assert none.passing("drill.rows") == password
    assert password not in none.redact(f"as {password}")
    assert not none.path.exists()


def test_an_incomplete_answer_is_an_error(monkeypatch, site_of):
    monkeypatch.setattr(Host, "_execute", lambda host, *_: Result(host.name, "", 0, "cluster lab\n", ""))
    with pytest.raises(StackproofError, match="not known"):
        built.read(site_of("lab").hosts.first)


# -- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Runs `python -m deploy secrets` with a passphrase on stdin and a home of its own; returns code and output."""

    def run(home, *words, passphrase="correct horse battery"):  # noqa: S107 - of this test
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / home))
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{passphrase}\n"))
        code = main(["secrets", *words, "--inventory=two-node"])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def test_secrets_move_to_another_runner(command, tmp_path):
    there = Secrets(tmp_path / "old/stackproof/two-node/secrets.json")
    assert there[IDENTITY]
    file = str(tmp_path / "sealed")
    assert command("old", "export", file)[0] == 0
    code, printed = command("new", "import", file)
    assert code == 0
    moved = Secrets(tmp_path / "new/stackproof/two-node/secrets.json", makes=False)
    assert moved.saved() == there.saved()
    assert there[IDENTITY] not in printed
    assert moved.path.stat().st_mode & 0o777 == 0o600


def test_an_export_replaces_no_file(command, tmp_path):
    assert Secrets(tmp_path / "old/stackproof/two-node/secrets.json")[IDENTITY]
    (tmp_path / "sealed").write_text("mine")
    code, printed = command("old", "export", str(tmp_path / "sealed"))
    assert (code, "cannot be written" in printed) == (1, True)
    assert (tmp_path / "sealed").read_text() == "mine"


def test_an_import_replaces_no_secrets_of_another_cluster(command, tmp_path):
    for home in ("old", "new"):
        assert Secrets(tmp_path / home / "stackproof/two-node/secrets.json")[IDENTITY]
    assert command("old", "export", str(tmp_path / "sealed"))[0] == 0
    code, printed = command("new", "import", str(tmp_path / "sealed"))
    assert (code, "secrets of another cluster" in printed) == (1, True)


def test_a_wrong_passphrase_changes_nothing(command, tmp_path):
    assert Secrets(tmp_path / "old/stackproof/two-node/secrets.json")[IDENTITY]
    assert command("old", "export", str(tmp_path / "sealed"))[0] == 0
    code, printed = command("new", "import", str(tmp_path / "sealed"), passphrase="something else")
    assert (code, "cannot be opened" in printed) == (1, True)
    assert not (tmp_path / "new/stackproof/two-node/secrets.json").exists()


@pytest.mark.parametrize("words", [("export",), ("import",), ("check", "file")])
def test_wrong_usage_is_told(command, words):
    code, printed = command("old", *words)
    assert (code, "usage:" in printed) == (2, True)


def test_nothing_to_export_is_told(command, tmp_path):
    code, printed = command("empty", "export", str(tmp_path / "sealed"))
    assert (code, "no secrets of cluster" in printed) == (1, True)
