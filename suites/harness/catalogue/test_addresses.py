"""Addresses: URLs and ports of services; no other file composes a URL or contains a port of the catalogue."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import catalogue, inventory
from deploy.catalogue import Addresses, read

ROOT = Path(__file__).parents[3]
SERVICES = catalogue.load().of(inventory.load("lab")).services


def addresses(name="lab"):
    cluster = inventory.load(name)
    return Addresses(cluster, catalogue.load().of(cluster)), cluster


# -- addresses of services -------------------------------------------------------------------------------


def test_api_address_is_the_vip():
    found, cluster = addresses()
    assert found.api("keystone").authority == f"{cluster.vip}:5000"
    assert found.api("keystone").url("/v3") == found.endpoint("keystone") == f"https://{cluster.vip}:5000/v3"
    assert str(found.api("keystone")) == f"https://{cluster.vip}:5000"


def test_api_address_without_a_vip_is_the_first_member():
    found, cluster = addresses("two-node")
    assert found.api("galera").host == str(cluster.role("controller")[0].management)


def test_member_listens_at_its_own_management_address():
    found, cluster = addresses()
    second = cluster.role("controller")[1]
    assert found.at(second, "etcd").url() == "https://172.16.181.32:2379"
    assert found.at(second, "etcd", "peers").url() == "https://172.16.181.32:2380"
    assert found.at(second, "etcd", "local").url() == "https://127.0.0.1:2379"


def test_members_are_the_nodes_of_the_services_roles():
    found, cluster = addresses()
    assert [one.host for one in found.members("memcached")] == [str(n.management) for n in cluster.role("controller")]
    assert len(found.members("libvirt", "consoles")) == len(cluster.role("compute"))


def test_health_check_may_use_another_port():
    found, cluster = addresses()
    first = cluster.nodes[0]
    assert found.health(first, "galera") == f"http://{first.management}:9200/"
    assert found.health(first, "keystone") == f"http://{first.management}:5000/v3"


def test_missing_port_endpoint_or_health_check_is_named_in_the_error():
    found, cluster = addresses()
    with pytest.raises(KeyError, match="rabbitmq has no port named magic"):
        found.at(cluster.nodes[0], "rabbitmq", "magic")
    with pytest.raises(ValueError, match="nova-conductor has no port"):
        found.api("nova-conductor")
    with pytest.raises(ValueError, match="galera has no endpoint"):
        found.endpoint("galera")
    with pytest.raises(ValueError, match="etcd has no health check"):
        found.health(cluster.nodes[0], "etcd")


@pytest.mark.parametrize("service", [s for s in SERVICES if s.ports], ids=lambda service: service.name)
def test_additional_ports_have_unique_names(service):
    assert len({port.name for port in service.ports}) == len(service.ports)


# -- no address elsewhere ----------------------------------------------------------------

URL = re.compile(r"https?://")
BY_HAND = re.compile(r"}}:{{[^}]*port")
"""A template that joins a host and a port."""
PORTS = {number for s in SERVICES for p in s.ports for number in (p.port, p.last) if number}
PORTS |= {service.port for service in SERVICES if service.port}
AMBIGUOUS = {port for port in PORTS if port < 1000 or port % 100 == 0}
"""Ports that may also be a size or a time, such as 5000. They count only beside a colon or the word port."""
NUMBER = re.compile(rf"(?<![\w.])(?:{'|'.join(map(str, PORTS - AMBIGUOUS))})(?![\w.])")
BESIDE = re.compile(rf"(?::|port\W{{0,3}})(?:{'|'.join(map(str, AMBIGUOUS))})(?![\w.])", re.IGNORECASE)
EXCEPTIONS = {
    ("deploy/lab/redfish.py", "https://"): "the lab's own Redfish server, which the inventory names",
    ("deploy/inventory/checks.py", "https://"): "an example of a Redfish URL, for the owner of an inventory",
    ("deploy/guest/given.py", "http://"): "the URL of an image, for the owner of an inventory",
    ("deploy/guest/given.py", "https://"): "the URL of an image, for the owner of an inventory",
    ("fixtures/instances.py", "http://"): "the guest's own web server",
    ("deploy/making/ceph_mons.py", "port 3300"): "what to look at where no monitor answers",
    ("suites/precheck/test_clocks.py", "port 123"): "NTP at time servers outside of the cluster",
}
"""Exceptions, which are not addresses of the catalogue: the file, the text, and what it belongs to."""


def sources() -> Iterator[Path]:
    for folder in ("deploy", "fixtures", "suites"):
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "harness" not in path.parts)


def templates() -> Iterator[Path]:
    yield from sorted(read.ROOT.rglob("*.j2"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def in_text(text: str) -> list[str]:
    return [match[0] for pattern in (URL, BY_HAND, NUMBER, BESIDE) for match in pattern.finditer(text)]


def in_template(text: str) -> list[str]:
    """Return the addresses in a template's text, without comments of Jinja and of most configuration files."""
    lines = re.sub(r"{#.*?#}", "", text, flags=re.DOTALL).splitlines()
    return [found for line in lines if not line.lstrip().startswith(("#", "%%")) for found in in_text(line)]


def in_source(text: str) -> list[str]:
    """Return the addresses in Python code, without comments and docstrings."""
    tree = ast.parse(text)
    said = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    constants = [each for each in ast.walk(tree) if isinstance(each, ast.Constant) and id(each) not in said]
    strings = [each.value for each in constants if isinstance(each.value, str)]
    named_so = {id(value) for name, value in names(tree) if "port" in name.lower()}
    numbers = [
        str(each.value)
        for each in constants
        if each.value in PORTS and (each.value not in AMBIGUOUS or id(each) in named_so)
    ]
    return [found for string in strings for found in in_text(string)] + numbers


def names(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield each named value in the code with its name: of a variable, an argument, a default or a key."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((ast.unparse(target), node.value) for target in node.targets)
        elif isinstance(node, ast.AnnAssign) and node.value:
            yield ast.unparse(node.target), node.value
        elif isinstance(node, ast.keyword):
            yield node.arg or "", node.value
        elif isinstance(node, ast.Dict):
            yield from ((ast.unparse(key), value) for key, value in zip(node.keys, node.values, strict=True) if key)
        elif isinstance(node, ast.Compare):
            yield from ((ast.unparse(node.left), value) for value in node.comparators)
        elif isinstance(node, ast.arguments):
            positional = [*node.posonlyargs, *node.args]
            defaults = zip(reversed(positional), reversed(node.defaults), strict=False)
            yield from ((argument.arg, value) for argument, value in defaults)
            keyed = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            yield from ((argument.arg, value) for argument, value in keyed if value)


def test_no_code_composes_an_address_itself():
    found = {(named(path), seen) for path in sources() for seen in in_source(path.read_text())}
    assert found - EXCEPTIONS.keys() == set()
    assert EXCEPTIONS.keys() - found == set(), "exceptions that nothing needs any more"


def test_no_template_composes_an_address_itself():
    found = {(named(path), seen) for path in templates() for seen in in_template(path.read_text())}
    assert found == set()


@pytest.mark.parametrize(
    "code",
    [
        'url = f"http://{host}:{port}/v3"',
        'url = "https://vip/"',
        "MANAGEMENT = 15672",
        "rows(host, 3306)",
        "PORT = 5000",
        "def ask(host, port=5000): ...",
        "ask(host, port=5000)",
        '{"port": 9200}',
        "found.port == 5000",
        'where = f"{host}:5000"',
        'rule = "tcp dport 5000"',
    ],
)
def test_scan_finds_an_address_in_code(code):
    assert in_source(code)


@pytest.mark.parametrize(
    "code",
    [
        "# http://host:5672",
        '"""At http://host:5672."""',
        "MEMORY = 5000",
        "wait(seconds=9200)",
        'command = "head -n 5000"',
        'password = "123456"',
        "size > 5000",
        "0.5672, 33060",
    ],
)
def test_scan_ignores_other_text_in_code(code):
    assert in_source(code) == []


@pytest.mark.parametrize(
    "line",
    [
        "auth_url = http://{{ api }}/v3",
        "listen {{ node.management }}:{{ service.port }}",
        "port = 5000",
        "bind {{ cluster.vip }}:5000",
        "{inet_dist_listen_min, 25672}",
    ],
)
def test_scan_finds_an_address_in_a_template(line):
    assert in_template(line)


@pytest.mark.parametrize("line", ["# http://host:5672", "{# port 5672 #}", "timeout 5000", "max = {{ 9200 }} MiB"])
def test_scan_ignores_other_text_in_a_template(line):
    assert in_template(line) == []
