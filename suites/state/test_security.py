"""Security: secrets are readable by their owners only, accounts have the least rights, and weaknesses are reported."""

import pytest

from deploy.facts import accounts, confinement, earlier, exposure, held, identity, interfaces, processes, settings
from deploy.facts.queue_accounts import MONITOR
from deploy.inventory.checks import APART
from deploy.journal import JOURNAL

ROOT_TOO = {
    "haproxy": "the master process starts and supervises the workers",
    "pacemaker": "it starts and stops units",
    "nova-compute": "its privileged helper sets up disks and devices",
    "cinder-volume": "its privileged helper attaches volumes, to copy images into them",
    "cinder-backup": "its privileged helper attaches volumes, to read and write them",
    "neutron-linuxbridge-agent": "its privileged helper sets up bridges",
    "neutron-dhcp-agent": "its privileged helper sets up namespaces",
    "neutron-l3-agent": "its privileged helper sets up namespaces",
}
"""Units with a process that must run as root, and the reason."""
BUILT_IN = {(name, "localhost") for name in ("root", "mysql", "mariadb.sys", "galera-health")}
"""Accounts that come with the database, and the account of its health check, with their sources."""
CATALOGUE = "openstack catalog list"
RUNNERS = ("keystone.admin", "keystone.demo")
"""The secrets of users that sign in from the runner, by use."""
GRANTS = "mysql.global_priv and mysql.db on a Galera member"
REFUSED = ("ERROR 1045", "ERROR 1130", "ERROR 1698")
"""The database's refusals: a wrong password, an unknown host, and an account limited to the local socket."""


# -- files ---------------------------------------------------------------------------------------


def test_no_configuration_is_writable_by_everyone(reader, node, expect):
    expect("files below /etc that everyone may write", exposure.writable(reader), [], "find /etc -perm -0002")


def test_no_password_is_readable_by_everyone(reader, node, standing, expect):
    found = exposed(reader, standing)
    expect("passwords that everyone can read", [*found.passwords, *found.unknown], [], "ls -l of them, and chmod o=")


@pytest.mark.own
def test_no_generated_secret_is_readable_by_everyone(reader, node, standing, expect):
    found = exposed(reader, standing)
    expect(
        "secrets of this cluster that everyone can read",
        [*found.secrets, *found.unknown],
        [],
        "ls -l of them, and chmod o=; replace the secret too",
    )


def exposed(reader, standing):
    return exposure.read(reader, standing.secrets.values(), standing.platform.manager.files)


@pytest.mark.own
def test_host_holds_the_secrets_of_its_services_alone(reader, outpost, standing, expect):
    """Whoever leaves an instance reads this host's files: no password there is another service's."""
    own = {use for service in standing.catalogue.on(outpost) for use in service.secrets}
    found = searched(reader, outpost, standing)
    expect(
        "secrets in files of this host that none of its services needs, with the files",
        {use: files for use, files in found.items() if use not in own},
        {},
        "`secrets` of the services in templates/*/service.toml; replace the secret too",
    )


@pytest.mark.own
def test_no_host_holds_the_administrators_password(reader, node, standing, expect):
    """Clients' files are on the runner; with such a file, whoever reads a controller's disk administers the cloud."""
    found = searched(reader, node, standing)
    expect(
        "files with a password of users that sign in from the runner",
        {use: files for use, files in found.items() if use in RUNNERS},
        {},
        "a build removes those of earlier versions; delete others",
    )


def searched(reader, node, standing):
    """The files with secrets: on an outpost with any, in one search for all checks; on a controller with RUNNERS."""
    every = standing.secrets.known() if "controller" not in node.roles else {}
    return held.read(reader, every | {use: standing.secrets[use] for use in RUNNERS})


@pytest.mark.own
def test_no_file_of_an_earlier_version_is_left(reader, node, standing, expect):
    paths = [path for project in standing.catalogue.projects for path in project.gone]
    expect("files that builds no longer write", earlier.left(reader, paths), [], "a build removes them")


# -- accounts ------------------------------------------------------------------------------------


def test_unit_does_not_run_as_root(reader, daemon, expect):
    found = processes.users(processes.running(reader), daemon.name)
    users = expect.known(f"accounts of unit {daemon.name}'s processes", found, f"systemctl status {daemon.name}")
    expect.that(
        f"accounts of unit {daemon.name}'s processes",
        "root" not in users or daemon.account == "root" or daemon.name in ROOT_TOO,
        seen=users,
        expected=f"{daemon.account}, and not root",
        look=f"systemctl show -p User {daemon.name}",
    )


def test_every_database_account_has_a_name_and_a_password(readings, expect):
    weak = {
        str(account)
        for account in database_accounts(readings, expect)
        if not account.user or not (account.authenticates or account.locked)
    }
    expect("database accounts without a name or without a password", weak, set(), GRANTS)


def test_accounts_with_rights_on_all_databases_are_local(readings, expect):
    remote = {
        str(account)
        for account in database_accounts(readings, expect)
        if (account.everywhere or account.user == "root") and not account.local
    }
    expect("accounts of other hosts with rights on all databases", remote, set(), GRANTS)


def test_account_has_rights_on_its_own_databases_only(readings, standing, owner, expect):
    owned = [project for project in standing.catalogue.projects if project.owner == owner]
    own = {name.replace("_", "\\_") for project in owned for name in project.database}
    held = [account for account in database_accounts(readings, expect) if account.user == owner]
    found = {str(one): one.databases | ({"all databases"} if one.everywhere else set()) for one in held}
    expect(
        f"databases on which accounts named {owner} have rights",
        expect.known(f"accounts named {owner}", found, GRANTS),
        dict.fromkeys(found, own),
        GRANTS,
    )


@pytest.mark.own
def test_account_has_the_password_of_the_build(readings, standing, owner, expect):
    source = accounts.source(standing.cluster.management.cidr)
    proofs = [one.proof for one in database_accounts(readings, expect) if (one.user, one.source) == (owner, source)]
    expect.that(
        f"the password of account '{owner}'@'{source}'",
        proofs == [accounts.proof(standing.secrets[f"galera.{owner}"])],
        seen="another password, or a second way to authenticate" if proofs else "no such account",
        expected="the one that the build generated",
        look=f"{GRANTS}; a build sets the password",
    )


@pytest.mark.own
def test_no_unknown_database_account_exists(readings, standing, expect):
    # The removal of a project leaves its databases and their account.
    every = standing.every.projects
    source = accounts.source(standing.cluster.management.cidr)
    known = {(project.owner, source) for project in every if project.database} | BUILT_IN
    others = {str(one) for one in database_accounts(readings, expect) if (one.user, one.source) not in known}
    expect("database accounts that belong to no project, by name and source", others, set(), GRANTS)


def database_accounts(readings, expect):
    """All accounts of the database; red where it lists none."""
    return expect.known("accounts of the database", accounts.read(readings.first("galera")), GRANTS)


@pytest.mark.parametrize("password", ["", "123456"], ids=["none", "123456"])
def test_database_root_is_refused_over_the_network(host, galera_host, password, expect):
    command = "mariadb --no-defaults --connect-timeout=5 -u root -e 'SELECT 1' -h"
    result = host.run(f"MYSQL_PWD={password} {command} {galera_host.management}")
    output = result.stderr.strip() or result.stdout.strip()
    expect.that(
        f"signing in as root over the network with the password {password or 'left empty'}",
        any(code in output for code in REFUSED),
        seen=output,
        expected=f"refused with {' or '.join(REFUSED)}",
        look=GRANTS,
    )


def test_rabbitmq_refuses_the_default_password(page, rabbitmq_host, standing, expect):
    url = standing.addresses.at(rabbitmq_host, "rabbitmq", "management").url("/api/whoami")
    names = ("openstack", MONITOR)
    answers = {name: page(url, user=name, password="123456") for name in names}
    seen = {name: answer.status or answer.text for name, answer in answers.items()}
    expect(
        f"status of {url} with the password 123456",
        seen,
        dict.fromkeys(names, 401),
        "rabbitmqctl list_users",
    )


# -- reported, and not judged ----------------------------------------------------------------------


@pytest.mark.api
@pytest.mark.project("nova")
def test_encryption_is_reported_and_all_endpoints_agree(readings, cluster, record_property, expect):
    """Unencrypted traffic is reported and allowed, so that a reader knows what to protect otherwise.

    The check only demands the same scheme of all endpoints.
    """
    nova = settings.read(readings.first("nova-api"), "/etc/nova/nova.conf")
    schemes = {entry.url.partition(":")[0] for entry in readings.cloud(identity.endpoints)}
    encrypted = {
        "APIs": schemes == {"https"},
        "database": "ssl_ca=" in nova.get("database.connection", ""),
        "queue": nova.get("oslo_messaging_rabbit.ssl", "").lower() == "true",
    }
    note = ", ".join(f"{part}: {'encrypted' if is_so else 'not encrypted'}" for part, is_so in encrypted.items())
    record_property("encryption", note)
    JOURNAL.emit("note", note, host=cluster.name)
    expect.that(
        "schemes of the endpoints",
        len(schemes) == 1,
        seen=schemes,
        expected="http or https, and not both",
        look=CATALOGUE,
    )


def test_ssh_password_setting_is_reported_and_all_hosts_agree(everywhere, cluster, record_property, expect):
    """Sign-in by password is the operator's choice, and reported. A difference between hosts is a mistake."""
    found = everywhere(exposure.sign_in)
    values = {name: setting(sshd, "passwordauthentication", expect, name) for name, sshd in found.items()}
    note = f"sign-in over SSH by password: {' and '.join(sorted(set(map(str, values.values()))))}"
    record_property("ssh", note)
    JOURNAL.emit("note", note, host=cluster.name)
    expect.that(
        "PasswordAuthentication",
        len(set(values.values())) == 1,
        seen=values,
        expected="the same on all hosts",
        look="sshd -T",
    )


def carried(cluster, catalogue):
    """The names of the networks for which the cluster has traffic, whether or not they are the inventory's."""
    ports = {port.network for service in catalogue.services for port in service.ports}
    return ports | ({"public"} if cluster.vip else set())


@pytest.mark.parametrize("name", APART)
def test_traffic_has_a_network_of_its_own(name, everywhere, cluster, standing, expect):
    """A shared network is the operator's choice: whoever reaches it also reaches traffic that is in clear."""
    if name not in cluster.networks:
        if name not in carried(cluster, standing.catalogue):
            pytest.skip(f"nothing of this cluster has {name} traffic")
        pytest.skip(f"{name} traffic shares the management network; networks.{name} would keep it apart")
    links = everywhere(interfaces.read)
    interface = cluster.networks[name].interface
    without = [
        node.name
        for node in cluster.role(*APART[name])
        if str(node.at(name)) not in getattr(links[node.name].get(interface), "addresses", ())
    ]
    expect(f"nodes without their address on {interface}", without, [], "ip addr show")


def test_root_cannot_sign_in_by_password(reader, node, expect):
    names = ("passwordauthentication", "permitrootlogin", "permitemptypasswords")
    sshd = {name: setting(exposure.sign_in(reader), name, expect) for name in names}
    by_password = sshd["passwordauthentication"] == "yes" and sshd["permitrootlogin"] == "yes"
    expect.that(
        "sshd's settings for passwords",
        not by_password and sshd["permitemptypasswords"] != "yes",
        seen=sshd,
        expected="no sign-in of root by password, and no empty passwords",
        look="sshd -T, /etc/ssh/sshd_config",
    )


def setting(sshd, name, expect, host=""):
    """One of sshd's effective settings; red where sshd does not list it."""
    return expect.known(f"sshd's {name}" + (f" on {host}" if host else ""), sshd.get(name), "sshd -T")


@pytest.mark.own
def test_unit_is_confined_as_its_file_says(reader, confined, expect):
    seen = confinement.read(reader, confined.every).get(confined.unit, {})
    expect(
        f"what systemd forbids {confined.unit}",
        {key: seen.get(key, "unknown") for key, _ in confined.settings},
        dict(confined.settings),
        f"systemctl show {confined.unit}; systemctl cat {confined.unit}; systemd-analyze security {confined.unit}",
    )
