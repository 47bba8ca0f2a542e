"""The check lists of the OpenStack Security Guide, by the guide's numbers: identity, compute, image, networking,
block storage, dashboard.

https://docs.openstack.org/security-guide/{identity,compute,image-storage,networking,block-storage,dashboard}/checklist.html

The guide wants TLS in each API's own server as well. Here TLS ends at HAProxy, so the lines to its members are not
encrypted, and neither are those to the database and the queue. Identity-04 is about a hash of PKI tokens, which
Keystone no longer has, block-07 about back ends that are file servers, and block-09 about keys, which need Barbican.
"""

from functools import partial

import pytest

from deploy.facts import dashboard, guarded, identity, settings

KEYSTONE, NOVA = "/etc/keystone/keystone.conf", "/etc/nova/nova.conf"
GLANCE, NEUTRON = "/etc/glance/glance-api.conf", "/etc/neutron/neutron.conf"
CINDER = "/etc/cinder/cinder.conf"
MOST = 114688
"""Bytes: oslo.middleware's default of `max_request_body_size`."""
BY_URL = {"web-download", "glance-download", "copy-image"}
"""Import methods with which Glance itself connects to other servers, or copies between its stores."""


# -- files: 01 and 02 of each list ---------------------------------------------------------------


def belongs(reader, account, expect, folder=""):
    """Root owns the folder, so that the account cannot replace what root reads there, such as rootwrap's settings."""
    folder = folder or f"/etc/{account}"
    found = guarded.read(reader, folder)
    ours = {f"{user}:{group}" for user in ("root", account) for group in ("root", account)}
    wrong = {path: entry.owner for path, entry in found.items() if entry.owner not in ours}
    expect(f"entries of {folder} that others own", wrong, {}, f"ls -la {folder}")
    expect(f"owner of {folder}", found[folder].owner, f"root:{account}", f"ls -ld {folder}")


def closed(reader, account, expect, folder=""):
    """A folder of mode 0750 closes its files to everybody else, whatever their own modes say."""
    folder = folder or f"/etc/{account}"
    found = guarded.read(reader, folder)
    expect.that(
        f"mode of {folder}",
        not found[folder].mode & 0o027,
        seen=f"{found[folder].mode:o}",
        expected="750 or stricter",
        look=f"ls -ld {folder}",
    )
    loose = {path: f"{entry.mode:o}" for path, entry in found.items() if entry.mode & 0o022}
    expect(f"entries of {folder} that others than their owner may write", loose, {}, f"ls -la {folder}")


def test_identity_01_files_belong_to_root_and_keystone(reader, keystone_node, expect):
    belongs(reader, "keystone", expect)


def test_identity_02_files_are_closed_to_others(reader, keystone_node, expect):
    closed(reader, "keystone", expect)


def test_compute_01_files_belong_to_root_and_nova(reader, nova_node, expect):
    belongs(reader, "nova", expect)


def test_compute_02_files_are_closed_to_others(reader, nova_node, expect):
    closed(reader, "nova", expect)


def test_image_01_files_belong_to_root_and_glance(reader, glance_node, expect):
    belongs(reader, "glance", expect)


def test_image_02_files_are_closed_to_others(reader, glance_node, expect):
    closed(reader, "glance", expect)


def test_networking_01_files_belong_to_root_and_neutron(reader, neutron_node, expect):
    belongs(reader, "neutron", expect)


def test_networking_02_files_are_closed_to_others(reader, neutron_node, expect):
    closed(reader, "neutron", expect)


def test_block_01_files_belong_to_root_and_cinder(reader, cinder_node, expect):
    belongs(reader, "cinder", expect)


def test_block_02_files_are_closed_to_others(reader, cinder_node, expect):
    closed(reader, "cinder", expect)


def test_dashboard_01_files_belong_to_root_and_horizon(reader, horizon_host, expect):
    belongs(reader, "horizon", expect, dashboard.FOLDER)


def test_dashboard_02_files_are_closed_to_others(reader, horizon_host, expect):
    closed(reader, "horizon", expect, dashboard.FOLDER)


# -- TLS -----------------------------------------------------------------------------------------


def encrypted(cloud_says, kind, expect):
    """Every endpoint of one type of service has an https URL."""
    found = {entry.interface: entry.url for entry in cloud_says(identity.endpoints) if entry.type == kind}
    expect.known(f"endpoints of type {kind}", found)
    plain = {interface: url for interface, url in found.items() if not url.startswith("https:")}
    expect(f"endpoints of type {kind} without TLS", plain, {}, "openstack endpoint list")


@pytest.mark.api
@pytest.mark.needs("tls")
def test_identity_03_api_has_tls(cloud_says, expect):
    encrypted(cloud_says, "identity", expect)


@pytest.mark.api
@pytest.mark.needs("tls")
@pytest.mark.project("glance")
def test_image_04_api_has_tls(cloud_says, expect):
    encrypted(cloud_says, "image", expect)


@pytest.mark.api
@pytest.mark.needs("tls")
@pytest.mark.project("neutron")
def test_networking_05_api_has_tls(cloud_says, expect):
    encrypted(cloud_says, "network", expect)


def verified(reader, path, section, names, expect):
    """A section's URLs of Keystone are https, and the server's certificate is verified."""
    found = settings.read(reader, path)
    plain = {name: url for name in names if not (url := found.get(f"{section}.{name}", "")).startswith("https:")}
    expect(f"URLs of Keystone in {path} without TLS", plain, {}, f"[{section}] in {path}")
    unverified = found.get(f"{section}.insecure", "false").lower()
    expect(f"[{section}] insecure in {path}", unverified, "false", path)


SIGN_IN = partial(verified, section="keystone_authtoken", names=("auth_url", "www_authenticate_uri"))


@pytest.mark.needs("tls")
def test_compute_04_signs_in_by_tls(reader, nova_api_host, expect):
    SIGN_IN(reader, NOVA, expect=expect)


@pytest.mark.needs("tls")
def test_networking_04_signs_in_by_tls(reader, neutron_api_host, expect):
    SIGN_IN(reader, NEUTRON, expect=expect)


@pytest.mark.needs("tls")
def test_compute_05_asks_for_images_by_tls(reader, nova_node, expect):
    """Nova finds Glance in Keystone's catalogue (image_04), unless its own file names servers."""
    found = settings.read(reader, NOVA)
    plain = [url for url in found.get("glance.api_servers", "").split(",") if url and not url.startswith("https:")]
    expect("servers of Glance without TLS", plain, [], f"[glance] api_servers in {NOVA}")
    expect("[glance] insecure", found.get("glance.insecure", "false").lower(), "false", NOVA)
    expect("[glance] api_insecure", found.get("glance.api_insecure", "false").lower(), "false", NOVA)


@pytest.mark.needs("tls")
def test_block_04_signs_in_by_tls(reader, cinder_api_host, expect):
    SIGN_IN(reader, CINDER, expect=expect)


@pytest.mark.needs("tls")
def test_block_05_tells_nova_by_tls(reader, cinder_api_host, expect):
    verified(reader, CINDER, "nova", ["auth_url"], expect)


@pytest.mark.needs("tls")
def test_block_06_asks_for_images_by_tls(reader, cinder_api_host, expect):
    found = settings.read(reader, CINDER)
    servers = expect.known("[DEFAULT] glance_api_servers", found.get("DEFAULT.glance_api_servers", ""), CINDER)
    plain = [url for url in servers.split(",") if not url.strip().startswith("https:")]
    expect("servers of Glance without TLS", plain, [], f"[DEFAULT] glance_api_servers in {CINDER}")
    unverified = found.get("DEFAULT.glance_api_insecure", "false").lower()
    expect("[DEFAULT] glance_api_insecure", unverified, "false", CINDER)


# -- settings ------------------------------------------------------------------------------------


def test_identity_05_requests_have_a_largest_size(reader, keystone_host, expect):
    size = int(settings.read(reader, KEYSTONE).get("oslo_middleware.max_request_body_size", MOST))
    expect.that("bytes of the largest request", 0 < size <= MOST, seen=size, expected=f"at most {MOST}", look=KEYSTONE)


def test_identity_06_no_token_of_the_administrator_is_set(reader, keystone_host, expect):
    found = settings.read(reader, KEYSTONE)
    expect("[DEFAULT] admin_token is set", "DEFAULT.admin_token" in found, False, KEYSTONE)


def test_identity_07_no_error_tells_a_stranger_more(reader, keystone_host, expect):
    found = settings.read(reader, KEYSTONE).get("DEFAULT.insecure_debug", "false")
    expect("[DEFAULT] insecure_debug", found.lower(), "false", KEYSTONE)


def test_identity_08_tokens_are_fernet_tokens(reader, keystone_host, expect):
    found = settings.read(reader, KEYSTONE).get("token.provider", "fernet")
    expect("[token] provider", found, "fernet", KEYSTONE)


def test_compute_03_users_sign_in_at_keystone(reader, nova_api_host, expect):
    found = settings.read(reader, NOVA).get("api.auth_strategy", "keystone")
    expect("[api] auth_strategy", found, "keystone", NOVA)


def test_image_03_users_sign_in_at_keystone(reader, glance_host, expect):
    found = settings.read(reader, GLANCE).get("paste_deploy.flavor", "")
    expect.that(
        "[paste_deploy] flavor",
        found.split("+")[0] == "keystone",
        seen=found,
        expected="keystone, or keystone with a cache",
        look=GLANCE,
    )


def test_image_05_glance_cannot_be_sent_to_other_servers(reader, glance_host, expect):
    """A user who may name a URL that Glance downloads can scan the network with it."""
    found = settings.read(reader, GLANCE).get("DEFAULT.enabled_import_methods", "glance-direct,web-download,copy-image")
    methods = {method.strip(" []'\"") for method in found.split(",")}
    expect("import methods by which Glance connects to a server", methods & BY_URL, set(), GLANCE)


def test_networking_03_users_sign_in_at_keystone(reader, neutron_api_host, expect):
    found = settings.read(reader, NEUTRON).get("DEFAULT.auth_strategy", "keystone")
    expect("[DEFAULT] auth_strategy", found, "keystone", NEUTRON)


def test_block_03_users_sign_in_at_keystone(reader, cinder_api_host, expect):
    found = settings.read(reader, CINDER).get("DEFAULT.auth_strategy", "keystone")
    expect("[DEFAULT] auth_strategy", found, "keystone", CINDER)


def test_block_08_requests_have_a_largest_size(reader, cinder_api_host, expect):
    size = int(settings.read(reader, CINDER).get("oslo_middleware.max_request_body_size", MOST))
    expect.that("bytes of the largest request", 0 < size <= MOST, seen=size, expected=f"at most {MOST}", look=CINDER)


# -- the dashboard's settings: Horizon's own defaults where the file sets none -----------------------


def says(reader, name, default, expected, expect):
    found = dashboard.settings(reader).get(name, default)
    expect(f"{name} in {dashboard.FILE}", found, expected, dashboard.FILE)


def test_dashboard_03_no_other_page_may_frame_it(reader, horizon_host, expect):
    says(reader, "DISALLOW_IFRAME_EMBED", True, True, expect)


@pytest.mark.needs("tls")
def test_dashboard_04_token_of_forms_is_sent_by_tls_only(reader, horizon_host, expect):
    says(reader, "CSRF_COOKIE_SECURE", False, True, expect)


@pytest.mark.needs("tls")
def test_dashboard_05_session_is_sent_by_tls_only(reader, horizon_host, expect):
    says(reader, "SESSION_COOKIE_SECURE", False, True, expect)


def test_dashboard_06_no_script_reads_the_session(reader, horizon_host, expect):
    says(reader, "SESSION_COOKIE_HTTPONLY", True, True, expect)


def test_dashboard_07_no_browser_fills_in_a_password(reader, horizon_host, expect):
    says(reader, "HORIZON_CONFIG.password_autocomplete", "off", "off", expect)


def test_dashboard_08_no_button_shows_a_password(reader, horizon_host, expect):
    says(reader, "HORIZON_CONFIG.disable_password_reveal", False, True, expect)


def test_dashboard_09_an_administrator_confirms_a_change_of_password(reader, horizon_host, expect):
    says(reader, "ENFORCE_PASSWORD_CHECK", False, True, expect)


def test_dashboard_10_not_every_password_is_accepted(reader, horizon_host, expect):
    found = dashboard.settings(reader).get("HORIZON_CONFIG.password_validator", {})
    expect.that(
        f'HORIZON_CONFIG["password_validator"] in {dashboard.FILE}',
        isinstance(found, dict) and found.get("regex", ".*") != ".*",
        seen=found,
        expected="a regular expression that refuses some passwords",
        look=dashboard.FILE,
    )


@pytest.mark.needs("tls")
def test_dashboard_11_horizon_knows_that_clients_speak_tls(reader, horizon_host, expect):
    says(reader, "SECURE_PROXY_SSL_HEADER", None, ("HTTP_X_FORWARDED_PROTO", "https"), expect)
