"""APIs: each answers at the address clients use and on each member; each member serves authenticated requests."""

import pytest

from deploy.facts import identity


def test_api_answers_at_the_client_address(page, api, standing, expect):
    url = standing.addresses.api(api.name).url(api.health.path)
    answer = page(url)
    expect.that(
        f"{api.name} at {url}",
        answer.status in api.health.expect,
        seen=answer.status or answer.text,
        expected=f"status {' or '.join(map(str, api.health.expect))}",
        look="HAProxy's statistics page, and the service's log on each of its hosts",
    )


def test_member_answers_its_health_check(page, member, expect):
    answer = page(member.url)
    expect.that(
        f"{member.service.name} at {member.url}",
        answer.status in member.service.health.expect,
        seen=answer.status or answer.text,
        expected=f"status {' or '.join(map(str, member.service.health.expect))}",
        look=f"journalctl -u {member.service.unit}",
    )


@pytest.mark.api
def test_member_serves_an_authenticated_request(page, endpoint_member, standing, cloud_says, expect):
    service = endpoint_member.service
    url = standing.addresses.at(endpoint_member.node, service.name).url(service.health.signed_in)
    answer = page(url, headers={"X-Auth-Token": cloud_says(identity.token)})
    expect(
        f"{service.name}'s status for {service.health.signed_in} with a token",
        answer.status or answer.text,
        200,
        f"journalctl -u {service.unit}, and its log in /var/log",
    )
