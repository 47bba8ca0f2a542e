"""Rendering: the shipped inventories give complete files, with secrets in protected files only."""

import configparser
import gc
import re
import runpy
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml

from deploy import catalogue, inventory, platforms
from deploy.catalogue import Catalogue, Files, Project, Service, TemplateSet
from deploy.cib import elements
from deploy.errors import StackproofError
from deploy.inventory.model import Passwords
from deploy.render import Rendered
from deploy.steps import content
from suites.harness.clusters import PLATFORMS, with_backend, with_every_feature

PROFILES = ("lab", "lab-small", "two-node", "production.example")
NOT_BUILT = [name for name in PLATFORMS if platforms.load(name).not_built]
"""Platforms without an inventory; all templates must render for them too."""
PROJECTS = [each.name for each in catalogue.load().of(with_every_feature()).projects if each.database]
OSLO = re.compile(rf"/etc/({'|'.join(PROJECTS)})/.*\.(conf|ini)")


BACKENDS = {f"volumes in {name}": with_backend(name) for name in ("lvm", "nfs")}
"""Clusters with other back ends of volumes than the built-in inventories."""
EVERY = [*PROFILES, *(pytest.param(cluster, id=name) for name, cluster in BACKENDS.items())]


ELSEWHERE = [f"{profile} on {name}" for profile in ("lab", "two-node") for name in NOT_BUILT]


@pytest.fixture(params=[*PROFILES, *BACKENDS, *ELSEWHERE])
def tree(request, tree_of) -> dict[str, dict[str, Rendered]]:
    """All files of one profile, by node and path."""
    profile, _, platform = request.param.partition(" on ")
    cluster = BACKENDS.get(profile) or inventory.load(profile)
    return tree_of(replace(cluster, platform=platform or cluster.platform))


def every(tree) -> Iterator[tuple[str, Rendered]]:
    for node, files in tree.items():
        for file in files.values():
            yield f"{node}:{file.path}", file


def ini(file: Rendered) -> configparser.RawConfigParser:
    """Parse strictly: a repeated section or option is an error, but for HTTP headers, which uWSGI adds all."""
    parser = configparser.RawConfigParser(default_section="", allow_no_value=False, delimiters=("=",))
    parser.read_string(re.sub(r"(?m)^add-header = .*\n", "", file.text))
    return parser


def is_python(file: Rendered) -> bool:
    return file.path.endswith(".py") or file.text.startswith("#!/usr/bin/python3")


def openstack(profile: str, *kinds: str) -> list[Service]:
    """The services of those kinds on the controllers of a profile; `wsgi` and `worker` where none is named."""
    known = catalogue.load().of(inventory.load(profile)).services
    return [each for each in known if each.kind in (kinds or ("wsgi", "worker")) and "controller" in each.roles]


# -- every file --------------------------------------------------------------------------------------


SEALED = "oslo_cache.memcache_pool = stackproof_cache:Sealed"


def backends_of_the_cache(files):
    (found,) = [file.text for path, file in files.items() if path.endswith("/entry_points.txt")]
    return found


def test_tokens_are_cached_encrypted_with_a_key_of_each_project_and_nothing_is_pickled(tree):
    keys = defaultdict(set)
    for place, file in every(tree):
        if not OSLO.search(file.path):
            continue
        sections = {section: dict(values) for section, values in ini(file).items()}
        if "memcache" in sections.get("cache", {}).get("backend", ""):
            assert file.path == "/etc/keystone/keystone.conf"
            assert SEALED in backends_of_the_cache(tree[place.partition(":")[0]]), place
        if (tokens := sections.get("keystone_authtoken")) and "memcached_servers" in tokens:
            assert tokens["memcache_security_strategy"] == "ENCRYPT", place
            keys[tokens["username"]].add(tokens["memcache_secret_key"])
    assert keys
    assert all(len(own) == 1 for own in keys.values())
    assert len(set.union(*keys.values())) == len(keys)


def test_every_node_has_files(tree):
    assert [node for node, files in tree.items() if len(files) < 4] == []


def test_no_file_has_an_unfilled_placeholder(tree):
    left = re.compile(r"\bNone\b|Undefined|[{%#]}|{[{%#]")
    tag = re.compile(r"<[A-Za-z_][^<>\n]*>")
    texts = {where: file.text for where, file in every(tree) if not is_python(file)}
    assert {where: left.findall(text) for where, text in texts.items() if left.search(text)} == {}
    assert {where for where, text in texts.items() if tag.search(text) and not where.endswith(".xml")} == set()


def test_no_path_has_a_placeholder_left(tree):
    assert [where for where, file in every(tree) if re.search(r"[{}]|//|\.j2$", file.path)] == []


def test_files_end_with_a_line_break(tree):
    whole = {"/var/lib/rabbitmq/.erlang.cookie"}
    without = [file.path for _, file in every(tree) if not file.text.endswith("\n")]
    assert {path for path in without if not path.startswith("/etc/keystone/") and path not in whole} == set()


@pytest.mark.parametrize("profile", EVERY)
def test_no_secret_is_in_a_file_that_others_may_read(profile, site_of):
    site = site_of(profile)
    files = [file for node in site.cluster.nodes for file in site.render(node, site.catalogue.on(node))]
    secret = [file for file in files if site.secrets.redact(file.text) != file.text]
    assert secret, "no secret anywhere: this test would prove nothing"
    assert sorted({file.path for file in secret if int(file.mode, 8) & 0o007}) == []


@pytest.mark.parametrize("profile", EVERY)
def test_hosts_beside_the_controllers_hold_the_declared_secrets_alone(profile, site_of):
    site = site_of(profile)
    for node in (each for each in site.cluster.nodes if "controller" not in each.roles):
        services = site.catalogue.on(node)
        texts = [file.text for file in site.render(node, services)]
        found = {use for use, value in site.secrets.known().items() if any(value in text for text in texts)}
        assert found == {use for service in services for use in service.secrets}, node.name
        assert not found & {"keystone.neutron", "keystone.placement", "keystone.admin", "galera.nova"}


def test_shared_file_is_the_same_for_every_service(site_of):
    site = site_of("lab")
    for node in site.cluster.nodes:
        texts = defaultdict(set)
        for service in site.catalogue.on(node):
            for file in site.render(node, [service]):
                texts[file.path].add((file.text, file.units))
        assert [path for path, different in texts.items() if len(different) > 1] == []


def test_ini_files_have_no_option_twice(tree):
    parsed = [ini(file) for _, file in every(tree) if OSLO.fullmatch(file.path)]
    assert len(parsed) >= len(tree)


def test_uwsgi_files_parse_strictly_and_bind_one_port(tree):
    for where, file in every(tree):
        if re.fullmatch(r"/etc/stackproof/uwsgi/.*\.ini", file.path):
            assert ini(file)["uwsgi"]["http-socket"].count(":") == 1, where


@pytest.mark.parametrize(("profile", "least"), [("lab", 5), ("production.example", 5), ("two-node", 0)])
def test_haproxy_leaves_a_uwsgi_process_for_health_checks(profile, least, tree_of, site_of):
    handed, has = {}, {}
    for where, file in every(tree_of(profile)):
        if file.path == "/etc/haproxy/haproxy.cfg":
            for name, body in re.findall(r"^listen (\S+)\n(.*?)(?=^listen |\Z)", file.text, re.MULTILINE | re.DOTALL):
                if found := set(re.findall(r" maxconn (\d+)", body)):
                    (handed[where.split(":")[0], name],) = map(int, found)
        if match := re.fullmatch(r"/etc/stackproof/uwsgi/(.*)\.ini", file.path):
            has[where.split(":")[0], match[1]] = int(ini(file)["uwsgi"]["processes"])
    site = site_of(profile)
    told = {at: site.cluster.options.workers * site.catalogue[at[1]].processes for at in has}
    assert has == {at: handed[at] + 1 if at in handed else told[at] for at in has}
    assert handed.keys() <= has.keys()
    assert len(handed) >= least


def preloads(files):
    """Yield per API the WSGI script that its workers run, and the text of the module that they preload."""
    for file in files.values():
        if re.fullmatch(r"/etc/stackproof/uwsgi/.*\.ini", file.path):
            options = ini(file)["uwsgi"]
            script = options["wsgi-file"]
            if script in files:  # this project's script, which runs the package's
                (script,) = re.findall(r'run_path\("(.*?)"', files[script].text)
            yield script, files[options["shared-import"]].text


def test_workers_preload_their_scripts_imports(tree):
    found = [(script, text) for files in tree.values() for script, text in preloads(files)]
    assert len(found) >= 6
    assert [script for script, text in found if f'open("{script}"' not in text] == []


def test_preload_imports_the_script_and_drops_its_eventlet_hub(tree_of, tmp_path, monkeypatch):
    imported, dropped = tmp_path / "imported", []
    hubs = SimpleNamespace(use_hub=lambda: dropped.append(imported.exists()))
    monkeypatch.setitem(sys.modules, "eventlet.hubs", hubs)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "an_api_of_this_test.py").write_text(
        f"import gc, pathlib\npathlib.Path({str(imported)!r}).write_text(str(gc.isenabled()))\napplication = None\n"
    )
    ours, preload = tmp_path / "api-wsgi", tmp_path / "preload.py"
    ours.write_text("import threading\nfrom an_api_of_this_test import application\nraise SystemExit('it ran')\n")
    script, text = next(preloads(tree_of("lab")["controller01"]))
    preload.write_text(text.replace(script, str(ours)))
    runpy.run_path(str(preload))
    del sys.modules["an_api_of_this_test"]
    assert dropped == [True]
    assert (imported.read_text(), gc.isenabled()) == ("False", True), (
        "looked for garbage while it is imported, or never"
    )
    gc.unfreeze()


def test_preload_imports_configured_modules_which_may_be_missing(tree_of, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "eventlet.hubs", None)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a_pipeline_of_this_test.py").write_text("here = True\n")
    (tmp_path / "api-wsgi").write_text("application = None\n")
    text = tree_of("lab-small")["controller01"]["/etc/stackproof/uwsgi/glance.py"].text
    script = re.findall(r'open\("(.*?)"', text)[0]
    names = '["pymysql", "glance.api.v2.router"]'
    assert text.count(names) == 1
    ours = text.replace(names, '["of_another_release", "a_pipeline_of_this_test"]')
    (tmp_path / "preload.py").write_text(ours.replace(script, str(tmp_path / "api-wsgi")))
    runpy.run_path(str(tmp_path / "preload.py"))
    gc.unfreeze()
    assert sys.modules.pop("a_pipeline_of_this_test").here
    assert capsys.readouterr().err.startswith("of_another_release cannot be imported once for all workers: No module")


@pytest.mark.parametrize("profile", ["lab", "production.example"])
def test_python_services_start_with_the_platforms_environment(profile, tree_of):
    files = tree_of(profile)["controller01"].values()
    units = [file.text for file in files if "\nDescription=OpenStack" in file.text]
    assert len(units) == len(openstack(profile))
    assert (told := platforms.load("debian-12").python)
    assert [text for text in units if f"\nEnvironment={told}\n" not in text] == []


def test_rabbitmq_tools_use_the_members_address(tree):
    told = [files["/etc/rabbitmq/rabbitmq-env.conf"].text for files in tree.values() if is_controller(files)]
    members = [files["/etc/rabbitmq/advanced.config"].text for files in tree.values() if is_controller(files)]
    on = re.compile(r"inet_dist_use_interface,? (\{\d+,\d+,\d+,\d+\})")
    assert [on.findall(text) for text in told] == [on.findall(text) for text in members]
    assert len({tuple(on.findall(text)) for text in told} - {()}) == len(told) > 0
    ports = re.compile(r"^export ERL_ZFLAGS=.* inet_dist_listen_min (\d+) inet_dist_listen_max (\d+)\"$", re.MULTILINE)
    tools = next(port for port in catalogue.load().of(with_every_feature())["rabbitmq"].ports if port.last)
    assert {ports.findall(text)[0] for text in told} == {(str(tools.port), str(tools.last))}


def is_controller(files):
    return "/etc/rabbitmq/rabbitmq-env.conf" in files


def test_api_workers_start_with_this_projects_wsgi_script(tree_of):
    files = tree_of("lab")["controller01"]
    told = {path: file.text for path, file in files.items() if re.fullmatch(r"/etc/stackproof/uwsgi/.*\.ini", path)}
    scripts = {path: re.search(r"(?m)^wsgi-file = (.*)$", text)[1] for path, text in told.items()}
    assert len(scripts) == len(openstack("lab", "wsgi"))
    assert [path for path, script in scripts.items() if script not in files] == [
        "/etc/stackproof/uwsgi/nova-metadata.ini",
        "/etc/stackproof/uwsgi/horizon.ini",
    ]


def test_units_are_sections_of_systemd(tree):
    files = [file for _, file in every(tree) if "/systemd/system/" in file.path]
    assert files
    assert all(re.match(r"(#.*\n)*\[(Unit|Service)\]\n", file.text) for file in files)


@pytest.mark.parametrize("profile", ["lab", "production.example"])
def test_pacemaker_units_wait_for_no_other_service(profile, tree_of):
    files = tree_of(profile)["controller01"].values()
    afters = [re.findall(r"(?m)^After=(.*)", file.text) for file in files if "\nDescription=OpenStack" in file.text]
    assert len(afters) == len(openstack(profile))
    assert {name for (after,) in afters for name in after.split() if not name.endswith(".target")} == set()


@pytest.mark.parametrize("profile", ["lab", "production.example"])
def test_slow_starting_services_notify_systemd(profile, tree_of):
    files = tree_of(profile)["controller01"]
    slow = [path for path, file in files.items() if "\nDescription=OpenStack" in file.text]
    assert len(slow) == len(openstack(profile))
    assert [path for path in slow if "\nType=notify\n" not in files[path].text] == []


@pytest.mark.parametrize("profile", ["lab", "production.example", "two-node"])
def test_an_api_is_started_once_it_accepts_requests(profile, tree_of):
    files = next(iter(tree_of(profile).values()))
    units = [file.text for file in files.values() if "\nExecStart=/usr/bin/uwsgi" in file.text]
    told = [file.text for path, file in files.items() if re.fullmatch(r"/etc/stackproof/uwsgi/.*\.ini", path)]
    assert len(units) == len(told) == len(openstack(profile, "wsgi"))
    # uWSGI itself would notify systemd before its workers have loaded the application. Another process notifies.
    assert all("\nUnsetEnvironment=NOTIFY_SOCKET\n" in text and "\nNotifyAccess=all\n" in text for text in units)
    assert all("\nhook-accepting1-once = exec:" in text and "systemd-notify --ready\n" in text for text in told)


def test_file_of_one_unit_restarts_no_other_unit(tree):
    own = {
        (match[1], file.units)
        for _, file in every(tree)
        if (match := re.match(r"/etc/systemd/system/((?:nova|neutron)-[^/]+)\.service", file.path))
    }
    assert own
    assert {(name, units) for name, units in own if units != (name,)} == set()


def test_changed_configuration_restarts_its_readers(tree):
    idle = {"/etc/hosts", "/etc/hostname", "/etc/modules-load.d/stackproof.conf", "/etc/sysctl.d/90-stackproof.conf"}
    idle |= {"/etc/apt/sources.list.d/stackproof.list", "/etc/stackproof/cluster", "/etc/stackproof/identity"}
    idle |= {"/etc/cloud/cloud.cfg.d/99-stackproof.cfg", "/usr/local/share/ca-certificates/stackproof.crt"}
    idle |= {"/etc/ceph/ceph.conf"}  # of hosts without daemons: the monitors tell clients where they are
    nobody = {file.path for _, file in every(tree) if not file.units}
    assert {
        p
        for p in nobody - idle
        if not p.startswith(("/etc/stackproof/fence/", "/var/lib/nova/.ssh/", CLIENT, NOVA_SSH))
    } == set()


# -- mistakes without an error message -------------------------------------------------------------


@pytest.mark.parametrize("profile", ["lab", "production.example"])
def test_tunnels_end_at_each_hosts_own_address(profile, tree_of):
    path = "/etc/neutron/plugins/ml2/linuxbridge_agent.ini"
    ends = [ini(files[path])["vxlan"]["local_ip"] for files in tree_of(profile).values() if path in files]
    assert len(ends) == len(set(ends)) == 2


@pytest.mark.parametrize("path", ["/etc/neutron/neutron.conf", "/etc/nova/nova.conf"])
def test_services_report_the_nodes_name_as_their_host(path, tree):
    hosts = {node: ini(files[path])["DEFAULT"]["host"] for node, files in tree.items() if path in files}
    assert hosts
    assert all(node == host for node, host in hosts.items())


def test_passwords_of_the_database_are_only_on_controllers(tree):
    assert {where.split(":")[0] for where, file in every(tree) if "mysql+pymysql://" in file.text} == {
        node for node, files in tree.items() if node.startswith("controller") or "/etc/cinder/cinder.conf" in files
    }


@pytest.mark.parametrize(
    "path", ["/etc/keystone/fernet-keys/0", "/var/lib/rabbitmq/.erlang.cookie", "/etc/corosync/authkey"]
)
def test_keys_are_equal_on_all_controllers(path, tree_of):
    texts = [files[path].text for files in tree_of("lab").values() if path in files]
    assert len(texts) == 3
    assert len(set(texts)) == 1


CLIENT = "/etc/ssh/ssh_config.d/stackproof-nova.conf"
NOVA_SSH = "/usr/local/libexec/stackproof/nova-ssh"


def test_computes_accept_each_others_ssh_keys_only(tree_of):
    home, tree = "/var/lib/nova/.ssh", tree_of("lab")
    files = {name: [f for path, f in files.items() if path.startswith(home)] for name, files in tree.items()}
    assert {name for name, found in files.items() if found} == {"compute01", "compute02"}
    assert {(f.path.rpartition("/")[2], f.owner, f.mode, f.folder, f.units) for f in files["compute01"]} == {
        ("id_ed25519", "nova:nova", "0600", "", ()),
        ("known_hosts", "root:nova", "0640", "0750", ()),
        ("authorized_keys", "root:nova", "0640", "0750", ()),
    }
    known = tree["compute01"][f"{home}/known_hosts"].text.splitlines()
    names = {
        "172.16.181.34": "compute01",
        "compute01": "compute01",
        "172.16.181.35": "compute02",
        "compute02": "compute02",
    }
    assert known == [f"{name} ssh-ed25519 key-of-{compute}" for name, compute in names.items()]
    program = NOVA_SSH
    assert (tree["compute01"][program].owner, tree["compute01"][program].mode) == ("root:root", "0755")
    allowed = tree["compute01"][f"{home}/authorized_keys"].text
    assert allowed.startswith(f'restrict,command="{program}",from="172.16.181.34,172.16.181.35" ssh-ed25519 ')
    assert not [path for files in tree_of("two-node").values() for path in files if path.startswith(home)]


def test_nonstandard_ssh_port_is_in_the_computes_ssh_files(tree_of):
    lab = inventory.load("lab")
    tree = tree_of(replace(lab, ssh=replace(lab.ssh, port=2222)))
    assert "[172.16.181.34]:2222 ssh-ed25519 " in tree["compute02"]["/var/lib/nova/.ssh/known_hosts"].text
    assert "    Port 2222\n" in tree["compute02"][CLIENT].text


def test_every_member_is_named_to_rabbitmq_etcd_and_galera(tree_of):
    files = tree_of("lab")["controller02"]
    for path in ("/etc/rabbitmq/rabbitmq.conf", "/etc/default/etcd"):
        assert all(f"controller0{number}" in files[path].text for number in (1, 2, 3)), path
    assert "gcomm://172.16.181.31,172.16.181.32,172.16.181.33\n" in files["/etc/mysql/my.cnf"].text


def test_every_controller_serves_the_time_and_asks_the_others(tree_of, site_of):
    path = "/etc/chrony/chrony.conf"
    files = tree_of("production.example")
    controllers = {node.name: str(node.management) for node in site_of("production.example").cluster.role("controller")}
    assert len(controllers) == 3
    for name, tree in files.items():
        lines = tree[path].text.splitlines()
        asked = [address for member, address in controllers.items() if member != name]
        servers = asked + (["ntp1.example.org", "ntp2.example.org"] if name in controllers else [])
        assert [line.split()[1] for line in lines if line.startswith("server ")] == servers
        assert ("local stratum 10 orphan" in lines) == ("allow 10.20.0.0/24" in lines) == (name in controllers)


def test_a_single_controller_is_the_only_source(tree_of):
    path = "/etc/chrony/chrony.conf"
    lines = {name: tree[path].text.splitlines() for name, tree in tree_of("two-node").items()}
    assert {name: [line for line in text if line.startswith("server ")] for name, text in lines.items()} == {
        "controller": [],
        "compute": ["server 172.16.181.11 iburst"],
    }


def test_only_lab_hosts_leave_their_clock_alone(tree_of):
    path = "/etc/systemd/system/chrony.service.d/stackproof.conf"
    assert path in tree_of("lab")["compute01"]
    assert path not in tree_of("production.example")["compute01"]
    assert '"-F 1"' in tree_of("production.example")["compute01"]["/etc/default/chrony"].text


def test_package_sources_are_written_where_the_inventory_sets_them(tree_of, site_of):
    path = "/etc/apt/sources.list.d/stackproof.list"
    lab = site_of("lab").cluster
    given = replace(lab, options=replace(lab.options, package_sources="deb http://mirror bookworm main"))
    assert path not in tree_of(lab)["compute01"]
    assert tree_of(given)["compute01"][path].text == "deb http://mirror bookworm main\n"


def test_rules_for_passwords_are_written_as_oslo_config_reads_them(tree_of):
    path = "/etc/keystone/keystone.conf"
    usual = ini(tree_of("lab")["controller01"][path])
    assert dict(usual["security_compliance"]) == {"lockout_failure_attempts": "5", "lockout_duration": "1800"}
    assert usual["identity"]["password_hash_rounds"] == "12"
    lab = inventory.load("lab")
    rules = Passwords(lockout_failure_attempts=0, password_regex="^.{12,}$", password_expires_days=90)
    strict = ini(tree_of(replace(lab, passwords=rules))["controller01"][path])
    assert dict(strict["security_compliance"]) == {"password_regex": "^.{12,}$$", "password_expires_days": "90"}


def test_clients_yaml_has_both_users_and_is_on_no_host(site_of, tree_of):
    files = {path.name: text for path, text in content.client_files(site_of("lab")).items()}
    assert set(files) == {"clouds.yaml", "admin-openrc", "demo-openrc"}
    on_hosts = {path.rpartition("/")[2] for found in tree_of("lab").values() for path in found}
    assert not on_hosts & {*files, "bootstrap.env"}
    clouds = yaml.safe_load(files["clouds.yaml"])["clouds"]
    assert set(clouds) == {"admin", "demo"}
    assert clouds["demo"]["auth"]["auth_url"] == "https://172.16.181.30:5000/v3"


def test_every_controller_can_fence_every_controller(tree_of):
    files = tree_of("lab")["controller01"]
    scripts = {path: file.text for path, file in files.items() if path.startswith("/etc/stackproof/fence/")}
    assert sorted(scripts) == [f"/etc/stackproof/fence/controller0{number}" for number in (1, 2, 3)]
    assert "'bmc-of-controller02'\n" in scripts["/etc/stackproof/fence/controller02"]


# -- HAProxy -----------------------------------------------------------------------------------------


def sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    name = ""
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            name = line.removeprefix("listen ").removeprefix("backend ")
        elif line.strip():
            found[name].append(line.strip())
    return found


@pytest.fixture(params=["lab", "lab-small", "production.example"])
def proxied(request, site_of):
    site = site_of(request.param)
    node = site.cluster.node("controller02")
    (config,) = (f.text for f in site.render(node, [site.catalogue["haproxy"]]) if f.path.endswith("haproxy.cfg"))
    return site, sections(config)


def test_every_proxied_service_has_a_section(proxied):
    site, found = proxied
    redirected = {f"frontend {s.name}-redirected" for s in site.catalogue.proxied() if s.proxy.redirected}
    assert set(found) - {"global", "defaults", "statistics", "issued-tokens"} - redirected == {
        s.name for s in site.catalogue.proxied()
    }


def test_haproxy_binds_the_vip_only_and_no_port_twice(proxied):
    site, found = proxied
    binds = [line for lines in found.values() for line in lines if line.startswith("bind ")]
    assert all(line.startswith(f"bind {site.cluster.vip}:") for line in binds)
    ports = [port for service in site.catalogue.proxied() for port in service.vip_ports]
    assert len(set(binds)) == len(binds) == len(ports) + 1


def test_haproxy_has_every_controller_with_a_check(proxied):
    site, found = proxied
    for service in site.catalogue.proxied():
        servers = [line for line in found[service.name] if line.startswith("server ")]
        for line, node in zip(servers, site.cluster.role("controller"), strict=True):
            assert line.startswith(f"server {node.name} {node.management}:{service.port} check")
        (asked,) = [line for line in found[service.name] if line.startswith("http-check send meth GET uri /")]
        assert ("hdr Accept application/json" in asked) == bool(service.processes)


def test_haproxy_sends_the_database_to_one_member_and_checks_its_health_port(proxied):
    _, found = proxied
    servers = [line for line in found["galera"] if line.startswith("server ")]
    assert all(" port 9200" in line for line in servers)
    assert [line.endswith(" backup") for line in servers] == [False, True, True]


def test_haproxy_ends_tls_of_every_web_service_and_of_no_other(proxied):
    site, found = proxied
    web = {s.name for s in site.catalogue.proxied() if s.proxy.mode == "http"}
    binds = {name: line for name, lines in found.items() for line in lines if line.startswith("bind ")}
    assert {name for name, line in binds.items() if " ssl crt /etc/haproxy/vip.pem" in line} == {*web, "statistics"}
    for name in web:
        assert "http-request set-header X-Forwarded-Proto https if { ssl_fc }" in found[name]


def test_haproxy_passes_no_forwarding_header_of_a_client_but_that_of_metadata_agents(proxied):
    site, found = proxied
    for service in site.catalogue.proxied():
        if service.proxy.mode == "http":
            (deleted,) = [line.split()[2] for line in found[service.name] if "del-header" in line]
            names = "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix"
            kept = {name for name in names if not re.search(deleted, name)}
            assert kept == ({"x-forwarded-for"} if service.name == "nova-metadata" else set())
            assert ("option forwardfor" in found[service.name]) == (not kept)


def test_only_keystone_limits_tokens_and_never_those_of_the_clusters_own_hosts(proxied):
    site, found = proxied
    assert [name for name, lines in found.items() if any("deny_status 429" in line for line in lines)] == ["keystone"]
    (ours,) = [line.split()[3:] for line in found["keystone"] if line.startswith("acl ours src ")]
    assert set(ours) == {*map(str, (n.management for n in site.cluster.nodes)), *map(str, site.cluster.ssh.runners)}


def test_without_tls_haproxy_speaks_plain_http(tree_of, site_of):
    files = tree_of(replace(site_of("lab").cluster, tls="off"))["controller01"]
    assert " ssl " not in files["/etc/haproxy/haproxy.cfg"].text
    assert "X-Forwarded-Proto" not in files["/etc/haproxy/haproxy.cfg"].text
    assert not [path for path in files if path.endswith((".pem", ".crt")) and "etcd" not in path]
    assert "cafile" not in files["/etc/nova/nova.conf"].text


def test_services_verify_the_vip(tree_of):
    trusted = "/usr/local/share/ca-certificates/stackproof.crt"
    for _, file in every(tree_of("lab")):
        if "auth_url = https://" in file.text:
            sections = ini(file)
            asking = [name for name in sections.sections() if "auth_url" in sections[name]]
            assert [name for name in asking if sections[name].get("cafile") != trusted] == [], file.path
    agent = ini(tree_of("lab")["compute01"]["/etc/neutron/metadata_agent.ini"])["DEFAULT"]
    assert (agent["nova_metadata_protocol"], agent["auth_ca_cert"]) == ("https", trusted)


# -- a single controller -----------------------------------------------------------------------------


def test_single_controller_has_no_high_availability_file(tree_of):
    paths = {file.path for _, file in every(tree_of("two-node"))}
    assert [path for path in paths if re.search(r"haproxy|corosync|pacemaker|fence|l3_agent", path)] == []


def test_single_controllers_address_is_in_every_url(tree_of):
    urls = re.compile(r"(?:https?|mysql\+pymysql|rabbit)://(?:[^@/\s]*@)?([0-9.]+)")
    hosts = {address for _, file in every(tree_of("two-node")) for address in urls.findall(file.text)}
    assert hosts - {"127.0.0.1"} == {"172.16.181.11"}


def test_single_controller_configures_no_galera_or_rabbitmq_cluster(tree_of):
    files = tree_of("two-node")["controller"]
    assert "wsrep" not in files["/etc/mysql/my.cnf"].text
    assert "cluster_formation" not in files["/etc/rabbitmq/rabbitmq.conf"].text


def test_units_restart_themselves_only_where_pacemaker_does_not(tree_of):
    path = "/etc/systemd/system/keystone.service"
    assert "Restart=no\n" in tree_of("lab")["controller01"][path].text
    assert "Restart=always\n" in tree_of("two-node")["controller"][path].text


# -- wrong templates ------------------------------------------------------------------------

BROKEN = {
    "an undefined variable": "{{ absent }}",
    "an undefined attribute": "{{ node.absent }}",
    "nothing where a value is needed": "{{ service.port }}",
    "a syntax error": "{% if %}",
    "a sum of what cannot be summed": "{{ node.name + 1 }}",
    "a path the platform does not have": '{{ platform.paths["absent"] }}',
    "a template that is not there": '{% include "absent.j2" %}',
}


@pytest.fixture
def render_one(site_of, templates):
    """Render a set of one template, `sample/etc/sample.conf`, for controller02."""

    def render(text: str, files: Files | None = None) -> list[Rendered]:
        folder = templates / "sample/files/etc"
        folder.mkdir(parents=True)
        (folder / "sample.conf.j2").write_text(text)
        service = Service("sample", "sample", "sample", sets=(TemplateSet("sample/files", files or Files()),))
        lab = site_of(inventory.load("lab"))
        alone = Catalogue((Project("sample", "sample", services=(service,)),))
        return replace(lab, catalogue=alone).render(lab.cluster.node("controller02"), [service])

    return render


@pytest.mark.parametrize("name", BROKEN)
def test_failing_template_is_reported_with_name_and_node(render_one, name):
    with pytest.raises(
        StackproofError, match=r"sample/files/etc/sample\.conf\.j2 does not render for controller02"
    ) as caught:
        render_one(BROKEN[name])
    assert caught.value.seen


def test_empty_template_makes_no_file(render_one):
    assert render_one("{% if node.name == 'controller01' %}x{% endif %}\n") == []


def test_owner_and_mode_come_from_the_set_and_its_exceptions(render_one):
    files = Files("root:nova", "0640", paths={"/etc/sample.conf": Files("nova:nova", "0400")})
    (file,) = render_one("x\n", files)
    assert (file.owner, file.mode) == ("nova:nova", "0400")


def test_systemd_start_time_out_is_below_pacemakers(tree):
    limits = {
        int(found[1])
        for _, file in every(tree)
        if file.path.endswith(".service") and (found := re.search(r"^TimeoutStartSec=(\d+)$", file.text, re.MULTILINE))
    }
    assert limits
    assert all(100 < limit < elements.STARTING for limit in limits)
    slow = [where for where, file in every(tree) if "\nDescription=OpenStack" in file.text]
    assert [where for where, file in every(tree) if where in slow and "\nTimeoutStartSec=" not in file.text] == []


def test_a_client_of_the_database_that_acknowledges_nothing_is_given_up(site_of):
    """Else its transaction keeps its locks for 15 minutes after the VIP has moved."""
    site = site_of("lab")
    (config,) = (
        file.text
        for file in site.render(site.controllers.first.node, [site.catalogue["haproxy"]])
        if file.path.endswith("haproxy.cfg")
    )
    (listen,) = (part for part in config.split("\nlisten ") if part.startswith("galera\n"))
    assert f"bind {site.addresses.api('galera').authority} tcp-ut 10s\n" in listen


def test_a_member_of_etcd_asks_before_it_calls_an_election(site_of):
    site = site_of("lab")
    files = site.render(site.controllers.first.node, [site.catalogue["etcd"]])
    assert any('\nETCD_PRE_VOTE="true"\n' in file.text for file in files)


def test_a_member_of_etcd_starts_again_however_it_ended(site_of):
    site = site_of("lab")
    files = site.render(site.controllers.first.node, [site.catalogue["etcd"]])
    (own,) = (file for file in files if file.path == "/etc/systemd/system/etcd.service.d/stackproof.conf")
    assert {"StartLimitIntervalSec=0", "Restart=always"} <= set(own.text.splitlines())
