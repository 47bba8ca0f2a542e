"""The dashboard: its ports at the VIP and on its members, and its settings, which are Python."""

import re
from dataclasses import replace

import pytest

from deploy import catalogue, inventory, platforms
from deploy.catalogue import Addresses, doors
from deploy.facts import dashboard
from deploy.found import Found
from deploy.inventory import Services
from deploy.precheck import ports
from deploy.render import Context, files
from deploy.secrets import Secrets
from deploy.tls import Tls
from suites.harness.clusters import choosing

PLAIN = replace(choosing("lab", "horizon"), tls="off")
ONE = replace(inventory.load("two-node"), services=Services(("horizon", "nova")))
CLUSTERS = {"tls": choosing("lab", "horizon"), "plain": PLAIN, "without a VIP": ONE}
MEMBER = catalogue.load().of(ONE)["horizon"].port


@pytest.fixture(params=CLUSTERS)
def cluster(request):
    return CLUSTERS[request.param]


def known(cluster):
    found = catalogue.load().of(cluster)
    return found, Addresses(cluster, found)


def rendered(cluster, path, secrets):
    found, _ = known(cluster)
    context = Context(cluster, found, platforms.load(cluster.platform), secrets, Found.assumed(cluster))
    node = cluster.role("controller")[-1]
    texts = {file.path: file.text for file in files(context, node, found.on(node))}
    return texts[path]


@pytest.fixture
def secrets(tmp_path):
    return Secrets(tmp_path / "secrets.json")


# -- ports -------------------------------------------------------------------------------------------


def test_clients_find_it_where_a_browser_looks_first():
    assert known(CLUSTERS["tls"])[1].api("horizon").url("/") == f"https://{PLAIN.vip}/"
    assert known(PLAIN)[1].api("horizon").url("/") == f"http://{PLAIN.vip}/"
    assert known(ONE)[1].api("horizon").url("/") == f"http://{ONE.api_address}:{MEMBER}/"


def test_members_listen_where_their_account_may():
    _, found = known(CLUSTERS["tls"])
    assert {address.port for address in found.members("horizon")} == {MEMBER}
    assert MEMBER > 1023


@pytest.mark.parametrize(("name", "at_vip"), [("tls", {80, 443}), ("plain", {80}), ("without a VIP", set())])
def test_doors_and_prechecks_know_the_ports_at_the_vip(name, at_vip):
    cluster = CLUSTERS[name]
    found, _ = known(cluster)
    node = cluster.role("controller")[0]
    opened = [door for door in doors(cluster, found, node) if door.use == "clients of horizon"]
    assert {door.port for door in opened if door.at == cluster.vip and door.sources is None} == at_vip
    checked = {each.port for each in ports(cluster, found) if each.node == node and each.service.name == "haproxy"}
    assert {80, 443} & checked == at_vip


def test_haproxy_redirects_plain_http_where_there_is_tls(secrets):
    text = rendered(CLUSTERS["tls"], "/etc/haproxy/haproxy.cfg", secrets)
    assert re.search(rf"frontend horizon-redirected\n  bind {PLAIN.vip}:80\n", text)
    assert text.count("Strict-Transport-Security") == 1
    text = rendered(PLAIN, "/etc/haproxy/haproxy.cfg", secrets)
    assert f"listen horizon\n  bind {PLAIN.vip}:80\n" in text
    assert "redirect scheme" not in text
    assert "Strict-Transport-Security" not in text


# -- settings ------------------------------------------------------------------------------------------


@pytest.fixture
def settings(cluster, secrets):
    text = rendered(cluster, dashboard.FILE, secrets)
    compile(text, dashboard.FILE, "exec")
    return dashboard.parse(text)


def test_every_address_by_which_somebody_asks_is_allowed(settings, cluster):
    wanted = {str(cluster.api_address)}
    wanted |= {each for node in cluster.role("controller") for each in (node.name, str(node.management))}
    assert wanted <= set(settings["ALLOWED_HOSTS"])
    assert "*" not in settings["ALLOWED_HOSTS"]


def test_cookies_need_tls_exactly_where_there_is_tls(settings, cluster):
    assert settings.get("SESSION_COOKIE_SECURE", False) is cluster.encrypted
    assert settings.get("CSRF_COOKIE_SECURE", False) is cluster.encrypted
    assert ("SECURE_PROXY_SSL_HEADER" in settings) is cluster.encrypted
    assert ("OPENSTACK_SSL_CACERT" in settings) is cluster.encrypted


def test_sessions_are_in_the_database_and_no_cache_is_shared(settings, secrets):
    assert settings["SESSION_ENGINE"] == "django.contrib.sessions.backends.db"
    assert settings["DATABASES"]["default"]["PASSWORD"] == secrets["galera.horizon"]
    assert settings["CACHES"]["default"]["BACKEND"].endswith("LocMemCache")


def test_a_certificates_names_are_hosts(secrets, monkeypatch):
    monkeypatch.setattr(Tls, "hosts", (str(PLAIN.vip), "cloud.example.org", "*.example.org"))
    found = dashboard.parse(rendered(CLUSTERS["tls"], dashboard.FILE, secrets))["ALLOWED_HOSTS"]
    assert {"cloud.example.org", ".example.org"} < set(found)
    assert found.count(str(PLAIN.vip)) == 1
