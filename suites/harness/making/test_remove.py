"""Removal: a build refuses to leave projects that the inventory no longer has, or removes the named ones."""

import subprocess

import pytest

from deploy import catalogue, cloud, inventory
from deploy.errors import InventoryError, StepFailed
from deploy.facts import standing
from deploy.facts.standing import Standing
from deploy.host import Host, Result
from deploy.making import install, record, remove, resources
from suites.harness.clusters import choosing

LEAN = choosing("lab", "etcd", "nova-compute", "neutron-agents")  # without content
LESS = choosing("lab", "neutron-agents", "content")  # without etcd, glance, placement, nova and nova-compute
FULL = catalogue.load().of(inventory.load("lab"))


@pytest.fixture
def site(site_of):
    return site_of(LESS)


@pytest.fixture
def done(monkeypatch):
    """Changes to hosts, Keystone and Pacemaker in order, recorded and not made."""
    log = []
    monkeypatch.setattr(
        "deploy.host.Host.change", lambda host, what, script, **_: log.append((host.name, what, script))
    )
    monkeypatch.setattr("deploy.host.Host.put", lambda host, files: log.append((host.name, files[0].path)))
    monkeypatch.setattr(cloud, "unregister", lambda _, ends, account: log.append(("keystone", ends, account)))
    monkeypatch.setattr(resources, "remove", lambda _, names: log.append(("pacemaker", names)))
    return log


def recorded(site_of, *projects, monkeypatch):
    """Let every host return the records of those projects, as a build of the whole lab makes them."""
    whole = site_of("lab")

    def told(host, _units):
        return Standing(
            tuple(
                record.of(FULL, FULL.project(name), host.node, whole.render(host.node, services))
                for name in projects
                if (services := whole.services(name, host.node))
            )
        )

    monkeypatch.setattr(standing, "read", told)


def test_nothing_is_removed_where_every_project_is_chosen(site, site_of, done, monkeypatch):
    recorded(site_of, "keystone", "neutron", "neutron-agents", "content", monkeypatch=monkeypatch)
    remove.settle(site)
    assert done == []


def test_leftover_projects_are_refused_with_a_list_of_their_parts(site, site_of, done, monkeypatch):
    recorded(site_of, "keystone", "glance", "etcd", monkeypatch=monkeypatch)
    with pytest.raises(InventoryError) as caught:
        remove.settle(site)
    told = str(caught.value)
    assert "the cluster still has etcd, glance, and the inventory does not" in told
    assert "glance: units: glance-api on controller01, controller02, controller03" in told
    for part in ("clones: glance", "sections: glance", "endpoints: glance", "user in Keystone: glance", "files: "):
        assert part in told
    assert "--remove=etcd,glance" in told
    assert "a removal keeps etcd: /var/lib/etcd; glance: database glance, /var/lib/glance/images" in told
    assert done == []


def test_nothing_is_removed_while_one_leftover_is_unnamed(site, site_of, done, monkeypatch):
    recorded(site_of, "glance", "etcd", monkeypatch=monkeypatch)
    with pytest.raises(InventoryError, match="the cluster still has etcd, and the inventory does not"):
        remove.settle(site, ["glance"])
    assert done == []


def test_named_project_is_removed_from_keystone_pacemaker_and_hosts(site, site_of, done, monkeypatch, events):
    recorded(site_of, "keystone", "glance", monkeypatch=monkeypatch)
    remove.settle(site, ["glance"])
    # The records come first: a removal that is interrupted is finished by the same command.
    assert done[:3] == [(f"controller0{n}", "/var/lib/stackproof/projects/glance") for n in (1, 2, 3)]
    assert done[3] == ("keystone", (("glance", "image"),), "glance")
    assert done[4] == ("pacemaker", ("glance",))
    assert [each[:2] for each in done[5:]] == [(f"controller0{n}", "removed glance") for n in (1, 2, 3)]
    script = done[5][2]
    assert "for unit in glance-api; do" in script
    assert "/etc/glance/glance-api.conf" in script
    assert script.rstrip().endswith("rm -f -- /var/lib/stackproof/projects/glance")
    assert any("kept of glance: database glance, /var/lib/glance/images" in event.text for event in events)


def test_requiring_project_is_removed_before_the_required_one(site, site_of, done, monkeypatch):
    recorded(site_of, "glance", "placement", "nova", "nova-compute", monkeypatch=monkeypatch)
    found = [left.project for left in remove.find(site)]
    assert found.index("nova-compute") < found.index("nova") < found.index("placement")


def test_file_of_another_project_is_kept(site_of, done, monkeypatch):
    # neutron.conf of Neutron's agents comes from Neutron's own templates.
    recorded(site_of, "neutron-agents", monkeypatch=monkeypatch)
    remove.settle(site_of(choosing("lab", "neutron")), ["neutron-agents"])
    scripts = {each[0]: each[2] for each in done if each[1] == "removed neutron-agents"}
    network = next(node.name for node in inventory.load("lab").role("network") if "controller" not in node.roles)
    assert "/etc/neutron/neutron.conf" in scripts[network]
    assert "neutron-dhcp-agent" in scripts[network]


def test_without_records_active_units_reveal_a_project(site, done, monkeypatch):
    def told(host, units):
        assert "keystone" not in units
        return Standing(active=frozenset(units) & {"glance-api"})

    monkeypatch.setattr(standing, "read", told)
    (left,) = remove.find(site)
    assert (left.project, left.each("units"), left.endpoints) == ("glance", ("glance-api",), (("glance", "image"),))
    assert "/etc/glance/glance-api.conf" in left.each("files")


def test_removal_of_a_chosen_project_is_refused(site_of, done):
    with pytest.raises(InventoryError, match="--remove names glance, which the inventory has") as caught:
        remove.settle(site_of(LEAN), ["glance"])
    assert "glance: required by nova" in str(caught.value)


def test_removal_of_an_absent_project_is_a_note(site, done, monkeypatch, events):
    monkeypatch.setattr(standing, "read", lambda *_: Standing())
    remove.settle(site, ["glance"])
    assert done == []
    assert "no host has anything of glance, so nothing is removed" in [event.text for event in events]


# -- on a host -----------------------------------------------------------------------------------------


def test_record_is_written_before_its_files(site_of, monkeypatch):
    site, put = site_of("lab"), []
    host = site.hosts["controller01"]
    monkeypatch.setattr(type(host), "install", lambda *_: [])
    monkeypatch.setattr(type(host), "put", lambda _, files: put.extend(files) or [])
    install.install(site, host, "glance")
    first, *files = put
    assert first.path == "/var/lib/stackproof/projects/glance"
    (kept,) = standing.parse(first.text).records
    assert kept.files == tuple(sorted(file.path for file in files))
    assert not [value for value in site.secrets._values.values() if value in first.text]


def test_script_removes_the_projects_units_and_files_only(tmp_path):
    for name in ("systemctl", "own", "others", "record"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\n')
    (tmp_path / "systemctl").chmod(0o755)
    script = remove._CLEAR.format(
        units="glance-api", files=tmp_path / "own", state=tmp_path, record=tmp_path / "record"
    )
    subprocess.run(["sh", "-eu", "-s"], input=script, text=True, check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["cat glance-api", "disable -q --now glance-api", "daemon-reload"]
    assert {path.name for path in tmp_path.iterdir()} == {"systemctl", "others", "asked"}


def test_clone_is_stopped_before_it_leaves_the_cib(site, monkeypatch, recording):
    cib, scripts = recording("pacemaker", "cib"), []
    monkeypatch.setattr(Host, "run", lambda host, *_, **__: Result(host.name, "", 0, cib, ""))
    monkeypatch.setattr(Host, "change", lambda _, what, script, **__: scripts.append((what, script)))
    resources.remove(site, ["glance", "absent"])
    ((what, script),) = scripts
    assert what == "removed from Pacemaker's configuration: glance"
    assert script.index("-v Stopped") < script.index("--wait") < script.index("--delete")
    assert "for clone in glance-clone; do" in script
    resources.remove(site, ["absent"])
    assert len(scripts) == 1


def test_silent_pacemaker_is_an_error_of_the_removal(site, monkeypatch):
    monkeypatch.setattr(Host, "run", lambda host, *_, **__: Result(host.name, "", 1, "", "not connected"))
    with pytest.raises(StepFailed, match="Pacemaker does not list its resources"):
        resources.remove(site, ["glance"])
    resources.remove(site, [])


def test_unregister_deletes_services_endpoints_and_user(site, monkeypatch):
    gone = []
    monkeypatch.setattr(cloud, "connect", lambda _: Keystone(gone))
    cloud.unregister(site, [("glance", "image")], "glance")
    assert gone == ["endpoint 1 of glance", "endpoint 2 of glance", "service glance", "user glance"]


class Keystone:
    """A Keystone in which every service exists, with two endpoints each, and every user."""

    def __init__(self, gone) -> None:
        self.gone, self.identity = gone, self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def services(self, name, **_):
        return [self.Entry(name)]

    def endpoints(self, service_id):
        return [f"endpoint {number} of {service_id}" for number in (1, 2)]

    def find_user(self, name):
        return f"user {name}"

    def delete_endpoint(self, what):
        self.gone.append(what)

    def delete_service(self, service):
        self.gone.append(f"service {service.id}")

    delete_user = delete_endpoint

    class Entry:
        def __init__(self, name) -> None:
            self.id = name
