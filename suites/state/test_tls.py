"""TLS at the VIP: clients accept the certificate at every port, it lasts, and nothing there speaks plain HTTP."""

from dataclasses import replace

import pytest

from fixtures.checks.questions import SOON

pytestmark = pytest.mark.needs("tls")

LOOK = "/etc/haproxy/vip.pem and haproxy.cfg on the VIP's host; a build writes both"


def served(readings, standing, service):
    address = standing.addresses.api(service.name)
    return address, readings.handshake(address.host, address.port)


def test_clients_accept_the_certificate(readings, standing, end_of_tls, expect):
    address, found = served(readings, standing, end_of_tls)
    expect.that(
        f"the certificate at {address.authority}",
        not found.why,
        seen=found.why,
        expected=f"one for {address.host}, signed by those in {readings.site.ca or 'the system of the runner'}",
        look=LOOK,
    )


def test_certificate_lasts(readings, standing, end_of_tls, expect):
    address, found = served(readings, standing, end_of_tls)
    expect.known(f"the certificate at {address.authority}", found.until, LOOK)
    expect.that(
        f"the certificate at {address.authority}",
        found.lasts,
        seen=f"valid until {found.until}",
        expected=f"{SOON:.0%} of its life",
        look="a build renews it; an operator's own one is in [certificate] of the inventory",
    )


def test_plain_http_is_refused(page, readings, standing, end_of_tls, expect):
    address, found = served(readings, standing, end_of_tls)
    answer = page(replace(address, scheme="http").url("/"))
    expect(f"the status of a plain request at {address.authority}", answer.status, 0, LOOK)
    expect.that(f"TLS at {address.authority}", not found.why, seen=found.why, expected="an answer", look=LOOK)


@pytest.mark.own
def test_every_program_of_a_host_trusts_the_vip(reader, node, standing, expect):
    url = standing.addresses.api("keystone").url("/v3")
    answer = reader.run("curl -s -S --noproxy '*' -o /dev/null -m 8 -w '%%{http_code}' %s", url)
    expect.that(
        f"curl {url}",
        answer.out.strip() == "200",
        seen=answer.err.strip() or answer.out.strip(),
        expected="status 200",
        look=f"{standing.platform.paths['trusted']}; {standing.platform.names['trust']} makes the system trust it",
    )
