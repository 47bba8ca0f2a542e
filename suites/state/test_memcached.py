"""memcached: every member answers its neighbour, has free connections, and keeps nothing that it could read."""

from deploy.facts import memcached

LOOK = "journalctl -u memcached"
USED = 0.8
"""The largest fraction of the allowed connections that may be in use."""


def status(readings, standing, memcached_host):
    """The status of a member, read from the next member over the network."""
    members = readings.members("memcached")
    after = members[(members.index(memcached_host) + 1) % len(members)]
    member = standing.addresses.at(memcached_host, "memcached")
    return memcached.status(readings.reader(after), member.host, member.port)


def test_member_answers_its_neighbour(readings, standing, memcached_host, expect):
    member = status(readings, standing, memcached_host)
    expect.that("memcached", bool(member.version), seen="no answer", expected="its version", look=LOOK)


def test_member_has_free_connections(readings, standing, memcached_host, expect):
    member = expect.known("memcached's counters", status(readings, standing, memcached_host), LOOK)
    expect.that(
        "connections",
        member.connections <= USED * member.allowed and member.refused == 0,
        seen=f"{member.connections} of {member.allowed} in use, {member.refused} times none was free",
        expected=f"at most {USED:.0%} in use, and never none free",
        look="-c in /etc/memcached.conf",
    )


def test_member_keeps_nothing_in_clear(reader, standing, memcached_host, expect):
    """Whoever reaches the member could otherwise read what it keeps, and change it."""
    member = standing.addresses.at(memcached_host, "memcached")
    found = memcached.forms(reader, member.host, member.port)
    expect.that(
        "values in memcached by form",
        found.keys() <= {"encrypted", "sealed"},
        seen=found,
        expected="encrypted tokens, and sealed values",
        look="memcache_security_strategy of each API, and [cache] of keystone.conf; a token stays for 5 minutes",
    )
