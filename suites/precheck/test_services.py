"""Every chosen service has a host; a project that is included only because another requires it is noted."""

import pytest

pytestmark = pytest.mark.precheck


def test_every_service_has_a_host(standing, expect):
    for note in standing.catalogue.notes:
        expect.note(note)
    homeless = [service.name for service in standing.catalogue.services if not standing.cluster.role(*service.roles)]
    expect.that(
        "services without a host",
        not homeless,
        seen=", ".join(homeless),
        expected="none",
        look="the roles of the inventory's nodes, and services.chosen",
    )
