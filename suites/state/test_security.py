"""Security: secrets are for those who need them, accounts can do what they must, and what is open is said to be."""

import pytest

from deploy import catalogue
from deploy.facts import accounts, exposure, identity, processes, settings
from deploy.journal import JOURNAL

ROOT_TOO = {
    "haproxy": "its first process starts and watches the others",
    "pacemaker": "it starts and stops units",
    "nova-compute": "its helper sets up disks and devices",
    "neutron-linuxbridge-agent": "its helper sets up bridges",
    "neutron-dhcp-agent": "its helper sets up namespaces",
    "neutron-l3-agent": "its helper sets up namespaces",
}
"""Units of which a part must run as root, and why."""
BUILT_IN = {"root", "mysql", "mariadb.sys", "galera-health"}
"""Accounts that come with the database, and the one its health check asks with."""
CATALOGUE = "openstack catalog list"
GRANTS = "mysql.global_priv and mysql.db on a Galera member"
REFUSED = ("ERROR 1045", "ERROR 1130", "ERROR 1698")
"""How the database says no: a wrong password, a host it does not know, a socket that is needed."""


# -- files ---------------------------------------------------------------------------------------


def test_no_configuration_is_writable_by_everyone(reader, node, expect):
    expect("what everyone may write", exposure.writable(reader), [], "find /etc -perm -0002")


def test_no_password_is_readable_by_everyone(reader, node, expect):
    expect("files with passwords that everyone can read", exposure.passwords(reader), [], "ls -l of them, and chmod o=")


@pytest.mark.own
def test_no_secret_of_ours_is_readable_by_everyone(reader, node, standing, expect):
    seen = exposure.revealing(reader, standing.secrets.values())
    expect("where everyone can read a secret of this cluster", seen, [], "ls -l of them; a new secret is due as well")


# -- accounts ------------------------------------------------------------------------------------


def test_it_does_not_run_as_root(reader, unit, expect):
    seen = processes.users(processes.running(reader), unit.name)
    expect.that(
        f"the accounts unit {unit.name} runs as",
        "root" not in seen or unit.account == "root" or unit.name in ROOT_TOO,
        seen=seen,
        expected=f"{unit.account}, and not root",
        look=f"systemctl show -p User {unit.name}",
    )


def test_every_database_account_has_a_name_and_a_proof(readings, expect):
    weak = {
        str(account)
        for account in database_accounts(readings)
        if not account.user or not (account.proof or account.locked)
    }
    expect("database accounts without a name or without a password", weak, set(), GRANTS)


def test_who_has_all_databases_is_local(readings, expect):
    remote = {
        str(account)
        for account in database_accounts(readings)
        if (account.everywhere or account.user == "root") and not account.local
    }
    expect("accounts from elsewhere with rights on all databases", remote, set(), GRANTS)


def test_an_account_has_its_own_databases_only(readings, standing, owner, expect):
    owned = [project for project in standing.catalogue.projects if project.owner == owner]
    own = {name.replace("_", "\\_") for project in owned for name in project.database}
    seen = [account for account in database_accounts(readings) if account.user == owner]
    expect(f"databases of account {owner}", {name for one in seen for name in one.databases}, own, GRANTS)


@pytest.mark.own
def test_nobody_else_has_a_database_account(readings, standing, expect):
    # The removal of a project leaves its databases and their account.
    every = catalogue.load().whole(standing.cluster).projects
    owners = {project.owner for project in every if project.database}
    others = {str(one) for one in database_accounts(readings) if one.user not in owners | BUILT_IN}
    expect("database accounts that were not built", others, set(), GRANTS)


def database_accounts(readings):
    return accounts.read(readings.first("galera"))


@pytest.mark.parametrize("password", ["", "123456"], ids=["none", "123456"])
def test_the_databases_root_is_refused_from_afar(host, galera_host, password, expect):
    command = "mariadb --no-defaults --connect-timeout=5 -u root -e 'SELECT 1' -h"
    told = host.run(f"MYSQL_PWD={password} {command} {galera_host.management}")
    said = told.stderr.strip() or told.stdout.strip()
    expect.that(
        f"signing in as root over the network with the password {password or 'left empty'}",
        any(code in said for code in REFUSED),
        seen=said,
        expected="the database refuses it",
        look=GRANTS,
    )


def test_no_default_password_of_the_queue_works(page, rabbitmq_host, standing, expect):
    url = standing.addresses.at(rabbitmq_host, "rabbitmq", "management").url("/api/whoami")
    answer = page(url, user="openstack", password="123456")
    expect(f"{url} asked as openstack with 123456", answer.status or answer.text, 401, "rabbitmqctl list_users")


# -- what is said as it is -----------------------------------------------------------------------


@pytest.mark.api
@pytest.mark.project("nova")
def test_what_travels_encrypted_is_said(readings, cluster, record_property, expect):
    """Nothing is demanded but that all endpoints agree: whoever reads the report knows what to protect otherwise."""
    nova = settings.read(readings.first("nova-api"), "/etc/nova/nova.conf")
    schemes = {told.url.partition(":")[0] for told in readings.cloud(identity.endpoints)}
    encrypted = {
        "APIs": schemes == {"https"},
        "database": "ssl_ca=" in nova.get("database.connection", ""),
        "queue": nova.get("oslo_messaging_rabbit.ssl", "").lower() == "true",
    }
    told = ", ".join(f"{what}: {'encrypted' if is_so else 'not encrypted'}" for what, is_so in encrypted.items())
    record_property("encryption", told)
    JOURNAL.emit("note", told, host=cluster.name)
    expect.that("endpoints", len(schemes) == 1, seen=schemes, expected="http or https, and not both", look=CATALOGUE)


def test_how_one_signs_in_is_said(everywhere, cluster, record_property, expect):
    """Passwords over SSH are a choice; that it is another on one host than on the others is none."""
    seen = {name: told.get("passwordauthentication") for name, told in everywhere(exposure.sign_in).items()}
    told = f"sign-in over SSH by password: {' and '.join(sorted(set(map(str, seen.values()))))}"
    record_property("ssh", told)
    JOURNAL.emit("note", told, host=cluster.name)
    expect.that(
        "PasswordAuthentication",
        len(set(seen.values())) == 1,
        seen=seen,
        expected="the same on all hosts",
        look="sshd -T",
    )


def test_root_does_not_sign_in_by_password(reader, node, expect):
    seen = exposure.sign_in(reader)
    by_password = seen.get("passwordauthentication") == "yes" and seen.get("permitrootlogin") == "yes"
    expect.that(
        "what sshd lets root do",
        not by_password and seen.get("permitemptypasswords") != "yes",
        seen={key: seen.get(key) for key in ("passwordauthentication", "permitrootlogin", "permitemptypasswords")},
        expected="no password for root, and no empty one for anybody",
        look="sshd -T, /etc/ssh/sshd_config",
    )
