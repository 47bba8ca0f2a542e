"""An instance's life: what it gets at its boot, and what it keeps through all that its tenant can have done to it.

One guest lives through all of it, in the order of the tests.
"""

import base64
import json
from time import sleep

import pytest

from deploy import cloud
from deploy.facts import rbd
from deploy.wait import until
from fixtures.browser import COLOURS, chromium, trusting, waiting
from fixtures.guests import another_boot, boot, checksum, memory, metadata, silent, write
from fixtures.instances import ACTIVE, BOOTED, MOVED, awaited, from_image
from fixtures.reporting import folder

KEPT = "/root/kept"
USER_DATA = "#!/bin/sh\necho ran >>/root/user-data\n"
DRIVE = """mkdir -p /tmp/drive && mount -o ro "$(findfs LABEL=config-2)" /tmp/drive
cat /tmp/drive/openstack/latest/{}; umount /tmp/drive"""
NOTICED = 60.0
"""Seconds until the guest reads new metadata: Nova's service answers from memory for 15 s."""
STORED = 300.0
"""Seconds until the whole disk of a shelved instance is an image."""
PAUSED = 3.0
"""Seconds for which the instance is paused."""
GONE = 60.0
"""Seconds until nothing of a deleted instance is left."""
pytestmark = [pytest.mark.flow, pytest.mark.nightly, pytest.mark.project("nova-compute", "neutron-agents", "content")]


@pytest.fixture(scope="module")
def image(tenant, offers):
    return tenant.session.image.find_image(offers.image, ignore_missing=False).id


@pytest.fixture(scope="module")
def instance(tenant, instances, image):
    user_data = base64.b64encode(USER_DATA.encode()).decode()
    return instances.reachable(tenant, **from_image(image), config_drive=True, user_data=user_data)


@pytest.fixture(scope="module")
def compute(tenant):
    return tenant.session.compute


@pytest.fixture(scope="module")
def kept(instance):
    """The checksum of a file that the guest keeps on its disk."""
    return write(instance, KEPT)


@pytest.fixture
def now(tenant, instance):
    """Waits until the instance has a status."""
    return lambda status, timeout=ACTIVE: awaited(tenant, instance.server, status, timeout)


def test_console_log_has_what_the_guest_writes(tenant, instance):
    said = tenant.name("said")
    instance.host().check("echo %s >/dev/ttyS0", said)

    def read():
        with cloud.explained("reading the console"):
            return tenant.session.compute.get_server_console_output(instance.server.id, length=20)["output"]

    until(
        read,
        ready=lambda text: said in text,
        timeout=NOTICED,
        interval=1,
        what="the console log",
        expected=said,
        hint="nova-compute's log, and virtlogd's, on the instance's host",
    )


def test_console_draws_in_a_browser(compute, instance, tmp_path, pytestconfig):
    with cloud.explained("asking for a console"):
        url = compute.create_server_remote_console(instance.server, protocol="vnc", type="novnc").url
    browser = chromium(tmp_path, *trusting(url, compute.session.verify))
    try:
        browser.get(url)
        waiting(browser).until(lambda one: one.execute_script(COLOURS) > 1, f"the console stayed empty: {url}")
    finally:
        browser.save_screenshot(str(folder(pytestconfig) / "novnc.png"))
        browser.quit()


def test_user_data_ran_once(instance):
    assert instance.host().check("cat /root/user-data").split() == ["ran"]


def test_config_drive_tells_what_the_metadata_service_tells(instance):
    drive = json.loads(instance.host().check(DRIVE.format("meta_data.json")))
    service = json.loads(metadata(instance, "/openstack/latest/meta_data.json"))
    assert drive["uuid"] == service["uuid"] == instance.server.id
    assert drive["public_keys"] == service["public_keys"]
    assert instance.host().check(DRIVE.format("user_data")) == USER_DATA
    assert metadata(instance, "/openstack/latest/user_data") == USER_DATA.strip()


def test_metadata_has_the_key_pair_below_nested_keys(tenant, compute, instance):
    public = compute.find_keypair(tenant.name("key")).public_key.strip()
    assert metadata(instance, "/latest/meta-data/public-keys/") == f"0={tenant.name('key')}"
    assert metadata(instance, "/latest/meta-data/public-keys/0/openssh-key") == public
    assert metadata(instance, "/latest/meta-data/placement/availability-zone")


def test_metadata_that_the_tenant_sets_is_read_inside(tenant, compute, instance):
    wanted = {"colour": "blue", "token": tenant.token}
    with cloud.explained("setting metadata"):
        compute.set_server_metadata(instance.server, **wanted)
    until(
        lambda: json.loads(metadata(instance, "/openstack/latest/meta_data.json")).get("meta", {}),
        ready=lambda found: found == wanted,
        timeout=NOTICED,
        interval=2,
        what="the metadata inside the instance",
        expected=str(wanted),
        hint="nova-api-metadata's log on the controllers",
    )


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_instance_reboots_and_keeps_its_data(compute, instance, kept, now, kind):
    before = boot(instance)
    compute.reboot_server(instance.server, kind)
    now("ACTIVE", ACTIVE + BOOTED)
    another_boot(instance, than=before)
    assert checksum(instance, KEPT) == kept


def test_user_data_did_not_run_again(instance):
    assert instance.host().check("cat /root/user-data").split() == ["ran"]


def test_stopped_instance_is_silent_and_starts_with_its_data(compute, instance, kept, now):
    before = boot(instance)
    compute.stop_server(instance.server)
    now("SHUTOFF")
    silent(instance)
    compute.start_server(instance.server)
    now("ACTIVE")
    another_boot(instance, than=before)
    assert checksum(instance, KEPT) == kept


def test_paused_instance_is_silent_and_goes_on(compute, instance, now):
    before = boot(instance)
    compute.pause_server(instance.server)
    now("PAUSED")
    silent(instance)
    sleep(PAUSED)
    compute.unpause_server(instance.server)
    now("ACTIVE")
    assert boot(instance) == before


def test_suspended_instance_is_silent_and_goes_on(compute, instance, now):
    before = boot(instance)
    compute.suspend_server(instance.server)
    now("SUSPENDED")
    silent(instance)
    compute.resume_server(instance.server)
    now("ACTIVE")
    assert boot(instance) == before


def test_locked_instance_refuses_its_owner_until_it_is_unlocked(tenant, compute, instance, now):
    from openstack.exceptions import ConflictException

    compute.lock_server(instance.server)
    assert compute.get_server(instance.server.id).is_locked
    for refused in (compute.stop_server, compute.delete_server):
        with pytest.raises(ConflictException, match="locked"):
            refused(instance.server)
    compute.unlock_server(instance.server)
    assert now("ACTIVE").is_locked is False


def test_lock_of_an_administrator_is_not_the_tenants_to_open(admin, projects, compute, instance):
    from openstack.exceptions import ForbiddenException

    admin.compute.lock_server(instance.server.id)
    try:
        with pytest.raises(ForbiddenException):
            compute.unlock_server(instance.server)
    finally:
        admin.compute.unlock_server(instance.server.id)


def test_shelved_instance_uses_no_compute_and_comes_back_with_its_data(tenant, compute, instance, kept, now):
    before = boot(instance)
    compute.shelve_server(instance.server)
    now("SHELVED_OFFLOADED", STORED)
    silent(instance)
    until(
        lambda: compute.get_server(instance.server.id).host_id,
        ready=lambda host: not host,  # Nova clears it just after it changed the status
        timeout=GONE,
        interval=0.5,
        what="the compute of the shelved instance",
        expected="none",
        hint="nova-compute's log on the instance's host",
    )
    compute.unshelve_server(instance.server)
    now("ACTIVE", STORED)
    another_boot(instance, than=before)
    assert checksum(instance, KEPT) == kept
    assert tenant.session.image.find_image(f"{instance.server.name}-shelved") is None


@pytest.fixture(scope="module")
def sizes(compute, offers):
    """Two flavors: the instance's, and the next one with so much more memory that its guest shows it."""
    own = compute.find_flavor(offers.flavor, ignore_missing=False)
    larger = [each for each in compute.flavors() if each.ram >= 2 * own.ram and each.disk >= own.disk]
    if not larger:
        pytest.skip(
            f"no flavor has twice the memory of {own.name} and a disk as large; openstack flavor create makes one"
        )
    return own, min(larger, key=lambda each: (each.ram, each.disk))


def resized(compute, instance, now, flavor):
    """Let the instance boot with another flavor, and see the memory inside; the tenant then decides."""
    before = boot(instance)
    compute.resize_server(instance.server, flavor)
    now("VERIFY_RESIZE", MOVED)
    another_boot(instance, than=before)
    return memory(instance)


@pytest.mark.needs("second-compute")
def test_resized_instance_has_the_memory_until_it_is_reverted(compute, instance, sizes, kept, now):
    own, larger = sizes
    assert own.ram < resized(compute, instance, now, larger) <= larger.ram
    before = boot(instance)
    compute.revert_server_resize(instance.server)
    now("ACTIVE", MOVED)
    another_boot(instance, than=before)
    assert memory(instance) <= own.ram
    assert checksum(instance, KEPT) == kept


@pytest.mark.needs("second-compute")
def test_resized_instance_keeps_the_memory_once_it_is_confirmed(compute, instance, sizes, kept, now):
    own, larger = sizes
    assert own.ram < resized(compute, instance, now, larger) <= larger.ram
    before = boot(instance)
    compute.confirm_server_resize(instance.server)
    now("ACTIVE")
    assert boot(instance) == before
    assert checksum(instance, KEPT) == kept


def test_rescued_instance_boots_another_disk_and_reads_its_own(compute, instance, kept, now):
    before = boot(instance)
    compute.rescue_server(instance.server)
    now("RESCUE")
    instance.forget_key()
    rescued = another_boot(instance, than=before)
    assert checksum(instance, KEPT) == ""
    guest = instance.host()
    guest.check("mkdir -p /tmp/own && mount -o ro /dev/vdb /tmp/own")
    assert checksum(instance, f"/tmp/own{KEPT}") == kept
    guest.check("umount /tmp/own")
    compute.unrescue_server(instance.server)
    now("ACTIVE")
    instance.forget_key()
    another_boot(instance, than=rescued)
    assert checksum(instance, KEPT) == kept


def test_rebuilt_instance_has_a_new_disk_and_the_same_address(compute, instance, image, now, tenant):
    before, port = boot(instance), next(iter(tenant.session.network.ports(device_id=instance.server.id)))
    with cloud.explained("rebuilding the instance"):
        compute.rebuild_server(instance.server, image)
    now("ACTIVE", ACTIVE + BOOTED)
    instance.forget_key()
    another_boot(instance, than=before)
    assert checksum(instance, KEPT) == ""
    assert instance.host().check("cat /root/user-data").split() == ["ran"]
    inside = instance.login("ip -4 -o addr show scope global")
    assert f" {port.fixed_ips[0]['ip_address']}/" in inside


def test_deleted_instance_is_silent_and_leaves_no_port(tenant, compute, instance):
    compute.delete_server(instance.server)
    compute.wait_for_delete(instance.server, interval=0.5, wait=GONE)
    silent(instance)
    assert list(tenant.session.network.ports(device_id=instance.server.id)) == []


@pytest.mark.needs("ceph")
def test_deleted_instance_leaves_nothing_in_the_pool(site, instance):
    host = site.members("nova-compute").first
    until(
        lambda: [name for name in rbd.names(host, "nova", "vms") if instance.server.id in name],
        ready=lambda found: not found,
        timeout=GONE,
        interval=1,
        what="pool vms",
        expected=f"nothing of {instance.server.id}",
        hint="nova-compute's log on the instance's last host",
    )
