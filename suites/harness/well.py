"""The lab with nothing amiss: every host and API answers as a healthy one does, until a test makes one answer wrong."""

import json
import re
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace

import requests

from deploy import cloud
from deploy.content import IMAGE, NETWORK
from deploy.errors import HostUnreachable
from deploy.facts import sockets
from deploy.facts.ended import END
from deploy.facts.sockets import Listener
from deploy.host import Host, Result
from deploy.steps.content import FLAVORS

UNIT = """\
Id={unit}.service
LoadState={load}
ActiveState={active}
SubState=-
UnitFileState={enabled}
ConditionResult=yes
ConditionTimestampMonotonic=1
"""


class Well:
    """Answers of hosts by command and of APIs by URL. `commands` and `requests` count what was asked."""

    def __init__(self, site, monkeypatch, recording: Callable[[str, str], str]) -> None:
        self.site, self._recording = site, recording
        self.commands: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.silent: set[str] = set()
        self.recorded: dict[str | tuple[str, str], str] = {}
        """Cases to answer with, by the kind of recording, or by it and the host."""
        self.units: dict[tuple[str, str], dict[str, str]] = {}
        """What systemd says of a unit of a host, where it is not as it should be."""
        self.codes: dict[str, str] = {}
        """The status code of a service's health check on every host, by its port or its path."""
        self.deaf: set[tuple[str, str]] = set()
        """Units that listen on no port, by host."""
        self.says: dict[str, str] = {}
        """Other answers of every host, by a part of the command."""
        self.down: set[str] = set()
        """Ports at the API address that do not answer."""
        self.dead: set[tuple[str, str]] = set()
        """Services that do not report, by host; those that the cluster does not have are there as well."""
        self.absent: set[str] = set()
        """Content and hypervisors that are not there."""
        monkeypatch.setattr(Host, "_execute", lambda host, command, data, _: self._executed(host, command, data))
        monkeypatch.setattr(sockets, "listening", self._listening)
        monkeypatch.setattr(requests, "get", self._got)
        monkeypatch.setattr(cloud, "connect", self._connected)

    # -- hosts -------------------------------------------------------------------------------------

    def _executed(self, host: Host, command: str, data: bytes) -> Result:
        if host.name in self.silent:
            self.commands["silent"] += 1
            raise HostUnreachable(f"{host.name}: SSH does not answer", hint="is it on?")
        kind, text = self._answer(host, f"{command}\n{data.decode()}")
        self.commands[kind] += 1
        return Result(host.name, command, 0, text, "")

    def _answer(self, host: Host, asked: str) -> tuple[str, str]:
        """The kind of the question, and the answer."""
        end = f"{END}\n" if END in asked else ""
        for part, text in self.says.items():
            if part in asked:
                return part, text + end
        for part, (kind, answer) in self._kinds.items():
            if part in asked:
                return kind, answer(host, asked) + end
        raise AssertionError(f"nobody knows what {host.name} answers to {asked}")

    @property
    def _kinds(self) -> dict[str, tuple[str, Callable[[Host, str], str]]]:
        return {
            "grep -xF": ("plain HTTP", lambda *_: ""),
            "crm_mon": ("pacemaker", lambda host, _: self._recorded(host, "pacemaker", "pacemaker", "whole")),
            "cibadmin": ("cib", lambda host, _: self._recorded(host, "cib", "pacemaker", "cib")),
            "wsrep": ("galera", lambda host, _: self._recorded(host, "galera", "galera", "synced")),
            "etcdctl": ("etcd", lambda host, _: self._recorded(host, "etcd", "etcd", "whole")),
            "systemctl show": ("units", self._states),
            "curl": ("health", self._checked),
            "nft -s list": ("packet filter", lambda host, _: f"{host.name}\n--\n{host.name}\n"),
            "for what in cluster identity": ("built", lambda *_: ""),
            "hostname;": ("identity", lambda host, _: f"{host.name}\nagrees\n"),
            "ip -4 -o addr": ("addresses", self._addresses),
            "ha_router": ("routers", lambda *_: "r (1)\tcompute01\tactive\nr (1)\tcompute02\tstandby\n"),
            "stackproof-drill": ("traces", lambda *_: ""),
        }

    def _recorded(self, host: Host, kind: str, folder: str, usual: str) -> str:
        return self._recording(folder, self.recorded.get((kind, host.name), self.recorded.get(kind, usual)))

    def _states(self, host: Host, asked: str) -> str:
        return "\n" + "\n".join(self._unit(host, unit) for unit in re.findall(r"(\S+)\.service", asked))

    def _checked(self, _: Host, asked: str) -> str:
        return "".join(f"{self._code(line)}\n" for line in asked.splitlines() if line.startswith("curl"))

    def _addresses(self, host: Host, _: str) -> str:
        address = str(self.site.cluster.vip) if host.name == "controller03" else "10.9.9.9"
        return f"2: eth0    inet {address}/24 brd ...\n"

    def _unit(self, host: Host, unit: str) -> str:
        (service,) = {each.by_pacemaker for each in self.site.catalogue.on(host.node) if each.unit == unit}
        usual = {"load": "loaded", "active": "active", "enabled": "disabled" if service else "enabled"}
        return UNIT.format(unit=unit, **(usual | self.units.get((host.name, unit), {})))

    def _code(self, line: str) -> str:
        return next((code for part, code in self.codes.items() if part in line), "200")

    def _listening(self, host: Host) -> list[Listener]:
        self.commands["sockets"] += 1
        return [
            Listener("tcp", str(host.node.management), each.port, units=frozenset({each.unit}))
            for each in self.site.catalogue.on(host.node)
            if each.port and each.unit and (host.name, each.unit) not in self.deaf
        ]

    # -- APIs --------------------------------------------------------------------------------------

    def _got(self, url: str, **_: object) -> SimpleNamespace:
        self.requests["rabbitmq" if "/api/nodes" in url else "health"] += 1
        if "/api/nodes" in url:
            nodes = [{"name": f"rabbit@{name}", "running": True} for name in self.site.members("rabbitmq")]
            return SimpleNamespace(ok=True, status_code=200, text=json.dumps(nodes))
        if any(f":{port}/" in url for port in self.down):
            raise requests.ConnectionError
        return SimpleNamespace(status_code=200)

    def _connected(self, _: object, user: str = "admin", **__: object) -> "Well":
        self.requests[f"session of {user}"] += 1
        return self

    def __enter__(self) -> "Well":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def compute(self) -> SimpleNamespace:
        return SimpleNamespace(
            services=lambda: self._listed("nova services", self._reporters("nova")),
            hypervisors=lambda **_: self._listed("hypervisors", self._hypervisors()),
            flavors=lambda **_: self._listed("flavors", [named(name) for name in FLAVORS if name not in self.absent]),
        )

    @property
    def block_storage(self) -> SimpleNamespace:
        backend = {"volume_backend_name": self.site.cluster.backend}
        types = [named(name, extra_specs=backend) for name in self.site.cluster.volume_types]
        return SimpleNamespace(
            services=lambda: self._listed("cinder services", self._reporters("cinder")),
            types=lambda: self._listed("volume types", types),
            get=self._of_cinder,
        )

    def _of_cinder(self, path: str) -> requests.Response:
        cinder = self.site.cluster.cinder
        answers: dict[str, object] = {
            "/qos-specs": {
                "qos_specs": [
                    {"id": name, "name": name, "consumer": "front-end", "specs": each.specs}
                    for name, each in cinder.types.items()
                ]
            },
            "/types?is_public=None": {
                "volume_types": [
                    {"id": name, "name": name, "qos_specs_id": name if name in cinder.types else None}
                    for name in self.site.cluster.volume_types
                ]
            },
            "/os-quota-class-sets/default": {"quota_class_set": {"id": "default", **cinder.quotas.settings}},
        }
        self.requests[f"cinder {path}"] += 1
        found = requests.Response()
        found.status_code, found._content = 200, json.dumps(answers[path]).encode()
        return found

    @property
    def network(self) -> SimpleNamespace:
        return SimpleNamespace(
            agents=lambda: self._listed("neutron agents", self._reporters("neutron")),
            networks=lambda **_: self._listed("networks", [named(NETWORK)]),
        )

    @property
    def image(self) -> SimpleNamespace:
        return SimpleNamespace(images=lambda **_: self._listed("images", [named(IMAGE)]))

    def _listed(self, what: str, things: list[SimpleNamespace]) -> list[SimpleNamespace]:
        self.requests[what] += 1
        return things

    def _reporters(self, project: str) -> list[SimpleNamespace]:
        ours = {
            (each.name, host)
            for each in self.site.catalogue.services
            if each.reports_to == project
            for host in self.site.members(each.name)
        }
        strangers = {(name, host) for name, host in self.dead - ours if name.startswith(project)}
        return [
            SimpleNamespace(
                binary=name,
                host=f"{host}.example.org",
                is_alive=(name, host) not in self.dead,
                state="down" if (name, host) in self.dead else "up",
                status="enabled",
                disabled_reason=None,
                is_admin_state_up=True,
                configuration={},
                cluster="controllers@ceph",
            )
            for name, host in sorted(ours | strangers)
        ]

    def _hypervisors(self) -> list[SimpleNamespace]:
        return [named(name, state="up") for name in self.site.members("nova-compute") if name not in self.absent]


def named(name: str, **more: object) -> SimpleNamespace:
    return SimpleNamespace(name=name, **more)
