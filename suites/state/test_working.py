"""Working: units that run also do their work; a unit may be active, and its processes halted or of no use."""

import pytest

from deploy.facts import galera, halted

METADATA = "/var/lib/neutron/metadata_proxy"
"""The metadata agent's socket (`metadata_proxy_socket`)."""
NOBODY = "00000000-0000-0000-0000-000000000000"
"""The ID of no network. The agent asks Neutron for its ports before it answers 404."""
ASK_METADATA = (
    "curl -s -o /dev/null -m 10 -w '%%{http_code}' -H 'X-Forwarded-For: 169.254.169.253' -H X-Neutron-Network-ID:%s"
    " --unix-socket %s metadata/"
)


def test_no_unit_is_halted(reader, node, standing, expect):
    found = halted.read(reader)
    ours = {service.unit for service in standing.catalogue.on(node)}
    expect(
        "units with stopped processes, which systemd calls active",
        found.units & ours if found.processes else "not known",
        set(),
        "ps -eo pid,stat,unit; kill -CONT PID, or systemctl thaw UNIT",
    )


def test_database_member_accepts_writes(reader, galera_host, expect):
    expect("read_only", galera.variables(reader).get("read_only"), "OFF", "SHOW GLOBAL VARIABLES LIKE 'read_only'")


@pytest.mark.own
def test_metadata_agent_answers(reader, neutron_metadata_agent_host, expect):
    expect(
        "the metadata agent's HTTP status for a network that does not exist",
        reader.run(ASK_METADATA, NOBODY, METADATA).out,
        "404",
        "/var/log/neutron/neutron-metadata-agent.log",
    )
