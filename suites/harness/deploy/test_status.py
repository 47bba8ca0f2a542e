"""`python -m deploy status`: a table of findings, and an exit code for scripts."""

import pytest

from deploy import __main__, whole
from deploy.finding import Finding
from deploy.lab import claim
from deploy.site import Site
from suites.harness.well import Well


@pytest.fixture
def status(site_of, monkeypatch, recording, capsys):
    """The command on the lab: its exit code and what it printed, after the cluster was `changed`."""

    def run(change=lambda _: None) -> tuple[int, list[str]]:
        well = Well(site_of("lab-small"), monkeypatch, recording)
        change(well)
        monkeypatch.setattr(claim, "require", lambda _: None)
        monkeypatch.setattr(Site, "of", lambda _: well.site)
        code = __main__.main(["status"])
        return code, capsys.readouterr().out.splitlines()

    return run


def test_of_a_healthy_cluster_it_says_so(status):
    assert status() == (0, ["no findings"])


def test_it_has_a_line_for_each_finding_and_one_for_a_host_that_does_not_answer(status):
    def change(well: Well) -> None:
        well.silent.add("compute02")
        well.units["controller02", "memcached"] = {"active": "inactive"}
        well.down.add("9292")

    code, lines = status(change)
    assert code == 1
    assert [line for line in lines if not line.startswith(" ")] == [
        "step       host          finding",
        "base       compute02     SSH does not answer",
        "memcached  controller02  memcached is inactive",
        "glance     -             glance does not answer with status 200 at https://172.16.181.30:9292/healthcheck",
    ]


def test_a_column_is_as_wide_as_its_widest_word():
    found = [("neutron-agents", Finding("a", "host-with-a-name")), ("nova", Finding("b"))]
    assert whole.table(found) == [
        "step            host              finding",
        "neutron-agents  host-with-a-name  a",
        "nova            -                 b",
    ]


def test_what_to_do_is_a_line_below_its_finding():
    assert whole.table([("ceph", Finding("it warns", "storage01", hint="ceph health detail"))]) == [
        "step  host       finding",
        "ceph  storage01  it warns",
        "                 what to do: ceph health detail",
    ]


def test_its_help_says_what_the_exit_code_means(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["--help"])
    assert "findings by step and host; exit code 1 where there are any" in " ".join(capsys.readouterr().out.split())
