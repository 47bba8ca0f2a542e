"""The hand-over of a red test: what the archive has, who may read it, and what it hides."""

import json
import tarfile
from types import SimpleNamespace

import pytest

from deploy.errors import StackproofError
from deploy.host.result import Result
from deploy.render import Rendered
from fixtures import handover
from fixtures.report import run
from suites.harness.report.test_report import JUNIT

SECRET = "s3cr3t-of-ours"
WANTED = f"[database]\nconnection = mysql://keystone:{SECRET}@172.16.0.1/keystone\nworkers = 2\n"
SEEN = "[database]\nconnection = mysql://keystone:somebodys@172.16.0.1/keystone\nworkers = 9\n"


class Host:
    name, node = "controller02", "a node"

    def __init__(self, is_silent=False):
        self.is_silent = is_silent

    def run(self, command, *arguments, timeout):
        if self.is_silent:
            raise StackproofError(f"{self.name} does not answer within {timeout:g} s")
        out = {"/etc/keystone.conf": SEEN, "/etc/key": "another-key\n"}.get(arguments[0], "") if arguments else "told\n"
        return Result(self.name, command, 0, out, "")


class Hosts(dict):
    def each(self, action):
        return {name: action(host) for name, host in self.items()}


@pytest.fixture
def made(tmp_path, monkeypatch, request):
    (tmp_path / "junit.xml").write_text(JUNIT.replace("the whole text", f"it has {SECRET} in it"))
    (tmp_path / "run.json").write_text(json.dumps({"started": "2026-01-01 00:00:00", "exit": 1, "command": ["pytest"]}))
    given = getattr(request, "param", {})
    host = Host(given.get("is_silent", False))

    def files(*_):
        if (key := given.get("wanted", f"{SECRET}\n")) is None:
            raise StackproofError("a fact is unknown")
        return [
            Rendered("/etc/keystone.conf", WANTED, "root:root", "0640", ()),
            Rendered("/etc/key", key, "root:root", "0400", ()),
        ]

    service = SimpleNamespace(name="galera", unit="mariadb")
    site = SimpleNamespace(
        hosts=Hosts(controller02=host),
        controllers=Hosts(controller02=host),
        catalogue=SimpleNamespace(on=lambda _: [service]),
        render=files,
        platform=SimpleNamespace(manager=SimpleNamespace(versions="list")),
    )
    monkeypatch.setattr(handover, "Hosts", lambda found: Hosts({each.name: each for each in found}))
    monkeypatch.setattr(handover.JOURNAL, "redact", lambda text: text.replace(SECRET, "********"))
    loaded = run.load(tmp_path)
    return list(handover.archives(site, loaded, loaded.red))


def read(archive):
    with tarfile.open(archive) as opened:
        return {entry.name.partition("/")[2]: opened.extractfile(entry).read().decode() for entry in opened}


def test_each_red_test_has_an_archive_for_its_owner_alone(made):
    assert [path.name for path in made] == [
        "handover-test_units-test_unit_is_active-controller02-galera.tar.gz",
        "handover-test_vip-test_exactly_one.tar.gz",
    ]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_the_archive_has_what_the_test_said_and_what_the_host_has_to_tell(made):
    found = read(made[0])
    assert found["README.txt"].startswith(
        "suites/state/test_units.py::test_unit_is_active[controller02-galera]\nfailed: "
    )
    assert {"test.txt", "run.json", "hosts/controller02/journal.log", "hosts/controller02/packages.txt"} <= found.keys()
    assert "told" in found["hosts/controller02/state.txt"]
    assert "+workers = 9" in found["hosts/controller02/files/etc/keystone.conf.diff"]


def test_no_secret_is_in_the_archive_neither_ours_nor_anybodys(made):
    whole = "\n".join(read(made[0]).values())
    assert [each for each in (SECRET, "somebodys", "another-key") if each in whole] == []
    assert read(made[0])["hosts/controller02/files/etc/key.secret"] == "the file is a secret; it is another one\n"


@pytest.mark.parametrize("made", [{"wanted": "unsaved rabbitmq.cookie\n"}], indirect=True)
def test_nothing_is_shown_of_a_file_whose_secrets_the_runner_lacks(made):
    names = read(made[0]).keys()
    assert "hosts/controller02/files/etc/key.secret" in names
    assert "hosts/controller02/files/etc/key.seen" not in names


@pytest.mark.parametrize("made", [{"wanted": None}], indirect=True)
def test_files_that_cannot_be_rendered_are_told_in_their_place(made):
    assert "a fact is unknown" in read(made[0])["hosts/controller02/files-of-galera.txt"]
    assert len(made) == 2


@pytest.mark.parametrize("made", [{"is_silent": True}], indirect=True)
def test_a_host_that_is_silent_is_told_in_its_place(made):
    assert "does not answer within 60 s" in read(made[0])["hosts/controller02/journal.log"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("admin_password = abc123", "admin_password = ********"),
        ('"auth_token": "gA"', '"auth_token": ********'),
        ('password = "two words" # x', "password = ******** # x"),
        ("api_key=ab;cd", "api_key=********"),
        ("redis://:abc@10.0.0.1", "redis://:********@10.0.0.1"),
        ("stats auth admin:abc", "stats auth admin:********"),
        ("keystone: started", "keystone: started"),
        ("amqp://nova:abc@10.0.0.1", "amqp://nova:********@10.0.0.1"),
        ("the keystone is up", "the keystone is up"),
    ],
)
def test_what_looks_like_a_credential_is_hidden(text, expected):
    assert handover.hidden(text) == expected


def test_a_run_is_handed_over_by_its_own_inventory(tmp_path, capsys):
    (tmp_path / "junit.xml").write_text(JUNIT)
    assert handover.main([str(tmp_path)]) == 1
    assert "about no cluster" in capsys.readouterr().err
    (tmp_path / "run.json").write_text(json.dumps({"inventory": {"source": str(tmp_path / "cloud.toml")}}))
    assert handover.main([str(tmp_path)]) == 1
    assert "cloud.toml" in capsys.readouterr().err


def test_a_green_run_has_nothing_to_hand_over(tmp_path, capsys):
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    assert handover.main([str(tmp_path)]) == 1
    assert "no test is red" in capsys.readouterr().err
