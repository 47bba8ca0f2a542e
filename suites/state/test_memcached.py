"""memcached: every member answers its neighbours, and has room for their connections."""

from deploy.facts import memcached

USED = 0.8
"""The part of the connections it takes that may be in use."""


def status(readings, cluster, standing, controller):
    """A member, as the controller after it sees it."""
    controllers = cluster.role("controller")
    after = controllers[(controllers.index(controller) + 1) % len(controllers)]
    member = standing.addresses.at(controller, "memcached")
    return memcached.status(readings.reader(after), member.host, member.port)


def test_it_answers_its_neighbour(readings, cluster, standing, controller, expect):
    seen = status(readings, cluster, standing, controller)
    expect.that("memcached", bool(seen.version), seen="no answer", expected="one", look="journalctl -u memcached")


def test_it_has_room_for_connections(readings, cluster, standing, controller, expect):
    seen = status(readings, cluster, standing, controller)
    expect.that(
        "connections",
        seen.connections <= USED * seen.allowed and seen.refused == 0,
        seen=f"{seen.connections} of {seen.allowed} in use, {seen.refused} times none was left",
        expected=f"at most {USED:.0%} in use, and always some left",
        look="-c in /etc/memcached.conf",
    )
