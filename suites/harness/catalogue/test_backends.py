"""Back ends of volumes: what runs where, who may ask it, and what its files say."""

import configparser

import pytest

from deploy import catalogue, inventory
from deploy.cib import elements
from suites.harness.clusters import with_backend, with_storage

CONFIG = "/etc/cinder/cinder.conf"


def config(files):
    parser = configparser.RawConfigParser(default_section="", delimiters=("=",))
    parser.read_string(files[CONFIG].text)
    return {section: dict(parser[section]) for section in parser.sections()}


@pytest.mark.parametrize(("backend", "places"), [("lvm", "storage"), ("nfs", "controller")])
def test_volumes_of_one_host_are_its_own(tree_of, backend, places):
    cluster = with_backend(backend)
    known, tree = catalogue.load().of(cluster), tree_of(cluster)
    volume = known["cinder-volume"]
    assert (volume.roles, volume.manager, volume.queue("cinder-volume", "x")) == (
        (places,),
        "systemd",
        f"cinder-volume.x@{backend}",
    )
    assert "cinder-backup" not in known
    assert "cinder-volume" not in {clone.get("id") for clone in elements.units(known.step("cinder"))}
    for node in cluster.role("controller", places):
        found = config(tree[node.name])
        assert found["DEFAULT"]["host"] == node.name
        assert found["DEFAULT"]["enabled_backends"] == found["DEFAULT"]["default_volume_type"] == backend
        assert found[backend]["volume_backend_name"] == backend
        assert not {"cluster", "backup_driver"} & found["DEFAULT"].keys()
        assert not [path for path in tree[node.name] if "ceph" in path or "cinder-volume.service" in path]


def test_lvm_is_exported_by_the_storage_nodes_to_the_computes(tree_of, site_of):
    cluster = with_backend("lvm")
    site, tree = site_of(cluster), tree_of(cluster)
    for node in cluster.role("storage"):
        found = config(tree[node.name])
        assert found["lvm"] == {
            "volume_driver": "cinder.volume.drivers.lvm.LVMVolumeDriver",
            "volume_backend_name": "lvm",
            "volume_group": "cinder-volumes",
            "lvm_type": "thin",
            "target_helper": "lioadm",
            "target_protocol": "iscsi",
            "target_ip_address": str(node.management),
        }
        assert not {"coordination", "keystone_authtoken"} & found.keys()
        (door,) = (each for each in catalogue.doors(cluster, site.catalogue, node) if each.port == 3260)
        assert door.lets_in(cluster.node("compute01"))
        assert not door.lets_in(cluster.node("controller01"))
        packages = catalogue.packages(site.catalogue.on(node))
        assert {"cinder-volume", "lvm2", "python3-rtslib-fb"} <= {*packages}
        assert not {"cinder-api", "cinder-scheduler", "cinder-backup"} & {*packages}
    assert "open-iscsi" in catalogue.packages(site.catalogue.on(cluster.node("compute01")))


def test_storage_nodes_with_volumes_reach_the_database_and_the_queue(site_of):
    cluster = with_backend("lvm")
    known = site_of(cluster).catalogue
    store, keeper = cluster.node("storage01"), cluster.node("controller01")
    assert "rabbitmq-failover" in {service.name for service in known.on(store)}
    open_to = {each.port for each in catalogue.doors(cluster, known, keeper) if each.lets_in(store)}
    assert {3306, 5672, 5000, 9292} <= open_to
    other = with_storage(inventory.load("lab"))
    ours = {
        each.port
        for each in catalogue.doors(other, catalogue.load().of(other), other.node("controller01"))
        if each.lets_in(other.node("storage01"))
    }
    assert not {3306, 5672} & ours


def test_nfs_exports_are_listed_for_the_controllers(tree_of, site_of):
    cluster = with_backend("nfs")
    tree, known = tree_of(cluster), site_of(cluster).catalogue
    assert tree["controller01"]["/etc/cinder/nfs_shares"].text == "10.20.0.41:/srv/volumes\nfiler:/more\n"
    assert config(tree["controller01"])["nfs"]["nfs_shares_config"] == "/etc/cinder/nfs_shares"
    assert "/etc/cinder/cinder.conf" not in tree["storage01"]
    for name in ("controller01", "compute01"):
        assert "nfs-common" in catalogue.packages(known.on(cluster.node(name)))


def test_the_image_of_a_lab_has_nothing_of_back_ends_that_no_lab_can_run():
    packages = set(catalogue.load().packages("debian-12"))
    assert "cinder-volume" in packages
    assert not packages & {"open-iscsi", "nfs-common", "python3-rtslib-fb"}
