"""APIs: each answers at the address clients use, and on each member, where it also serves who has signed in."""

import pytest

from deploy.facts import identity


def test_it_answers_at_the_address_of_clients(page, api, standing, expect):
    url = standing.addresses.api(api.name).url(api.health.path)
    answer = page(url)
    expect.that(
        f"{api.name} at {url}",
        answer.status in api.health.expect,
        seen=answer.status or answer.text,
        expected=f"status {' or '.join(map(str, api.health.expect))}",
        look="HAProxy's statistics page, and the service's log on each controller",
    )


def test_it_answers_on_each_member(page, member, expect):
    answer = page(member.url)
    expect.that(
        f"{member.service.name} at {member.url}",
        answer.status in member.service.health.expect,
        seen=answer.status or answer.text,
        expected=f"status {' or '.join(map(str, member.service.health.expect))}",
        look=f"journalctl -u {member.service.unit}",
    )


@pytest.mark.api
def test_it_serves_who_has_signed_in(page, endpoint_member, standing, cloud_says, expect):
    service = endpoint_member.service
    url = standing.addresses.at(endpoint_member.node, service.name).url(service.health.signed_in)
    answer = page(url, headers={"X-Auth-Token": cloud_says(identity.token)})
    expect(
        f"{service.name} asked for {service.health.signed_in} with a token",
        answer.status or answer.text,
        200,
        f"journalctl -u {service.unit}, and its log in /var/log",
    )
