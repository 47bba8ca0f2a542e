"""memcached: every member answers its neighbours, and has room for their connections."""

from deploy.facts import memcached

USED = 0.8
"""The part of the connections it takes that may be in use."""


def status(readings, standing, memcached_host):
    """A member, as the one after it sees it."""
    members = readings.members("memcached")
    after = members[(members.index(memcached_host) + 1) % len(members)]
    member = standing.addresses.at(memcached_host, "memcached")
    return memcached.status(readings.reader(after), member.host, member.port)


def test_it_answers_its_neighbour(readings, standing, memcached_host, expect):
    seen = status(readings, standing, memcached_host)
    expect.that("memcached", bool(seen.version), seen="no answer", expected="one", look="journalctl -u memcached")


def test_it_has_room_for_connections(readings, standing, memcached_host, expect):
    seen = status(readings, standing, memcached_host)
    expect.that(
        "connections",
        seen.connections <= USED * seen.allowed and seen.refused == 0,
        seen=f"{seen.connections} of {seen.allowed} in use, {seen.refused} times none was left",
        expected=f"at most {USED:.0%} in use, and always some left",
        look="-c in /etc/memcached.conf",
    )
