"""What the harness tests share: sites never connected to, recordings of real clusters, templates of one's own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from deploy import catalogue, inventory, platforms, render
from deploy.catalogue import read
from deploy.found import Found
from deploy.host import Host, Hosts
from deploy.host.wire import Wire
from deploy.interrupt import STOP
from deploy.inventory import Cluster
from deploy.journal import JOURNAL, Event
from deploy.render import Rendered
from deploy.secrets import Secrets
from deploy.site import Site

RECORDINGS = Path(__file__).parent / "recordings"
PROFILES = ("lab", "lab-small", "two-node", "production.example")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Any warning is an error here, where no thread reads a cloud while pytest sets its filters; these come after."""
    strict = pytest.mark.filterwarnings("error", *config.getini("filterwarnings"))
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(strict)


@pytest.fixture
def recording() -> Callable[[str, str], str]:
    """What a command printed in a case: `recording("galera", "synced")`."""

    def read(fact: str, case: str) -> str:
        (path,) = (RECORDINGS / fact).glob(f"{case}.*")
        return path.read_text()

    return read


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the secrets of the sites are; made once, because each of them is synced to the disk."""
    return tmp_path_factory.mktemp("vault")


@pytest.fixture
def site_of(vault: Path) -> Callable[[Cluster | str], Site]:
    """A site of a cluster, or of an inventory's name; nothing is connected to."""

    def make(cluster: Cluster | str) -> Site:
        if isinstance(cluster, str):
            cluster = inventory.load(cluster)
        secrets = Secrets(vault / cluster.name / "secrets.json")
        for node in cluster.nodes:
            secrets.learn(f"power.{node.name}", f"bmc-of-{node.name}")
        return Site(
            cluster=cluster,
            catalogue=catalogue.load().of(cluster),
            platform=platforms.load(cluster.platform),
            secrets=secrets,
            hosts=Hosts(Host(node, cluster.ssh) for node in cluster.nodes),
            found=Found.assumed(cluster),
        )

    return make


@pytest.fixture
def tree_of(site_of: Callable[[Cluster | str], Site]) -> Callable[[Cluster | str], dict[str, dict[str, Rendered]]]:
    """Every rendered file, by the node's name and the path."""

    def make(cluster: Cluster | str) -> dict[str, dict[str, Rendered]]:
        site = site_of(cluster)
        nodes = site.cluster.nodes
        return {n.name: {file.path: file for file in site.render(n, site.catalogue.on(n))} for n in nodes}

    return make


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in the place of templates/."""
    root = tmp_path / "templates"
    root.mkdir()
    monkeypatch.setattr(read, "ROOT", root)
    for cached in (render._templates, render._environment):
        cached.cache_clear()
    yield root
    for cached in (render._templates, render._environment):
        cached.cache_clear()


@pytest.fixture
def shipped(tree_of: Callable[[Cluster | str], dict[str, dict[str, Rendered]]]) -> Callable[..., ModuleType]:
    """A program of ours as the lab's hosts get it; by its set of templates, as a module."""

    def load(name: str, node: str = "controller01") -> ModuleType:
        path = f"/usr/local/libexec/stackproof/{name}"
        text = tree_of("lab")[node][path].text
        module = ModuleType(name)
        exec(compile(text, path, "exec"), module.__dict__)  # noqa: S102 - an import would leave its bytecode there
        return module

    return load


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches a host: one that reaches for the lab's addresses would change a lab that stands."""
    connect = Wire._connect

    def refused_elsewhere(wire: Wire) -> object:
        assert wire.node.management.is_loopback, f"a harness test connects to {wire.node}"
        return connect(wire)

    monkeypatch.setattr(Wire, "_connect", refused_elsewhere)


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test makes the journal tell, or interrupts, is the test's own affair: nobody else hears of it."""
    monkeypatch.setattr(JOURNAL, "_listeners", [])
    monkeypatch.setattr(JOURNAL, "_failed", {})
    monkeypatch.setattr(JOURNAL, "redact", lambda text: text)
    yield
    STOP.clear()


@pytest.fixture
def events() -> list[Event]:
    """What the journal is told during a test, which is set `apart` before."""
    told: list[Event] = []
    JOURNAL.subscribe(told.append)
    return told
