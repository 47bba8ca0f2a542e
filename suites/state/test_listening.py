"""Listening: each port is bound on exactly the addresses it should be, by the right program; nothing else listens."""

from deploy.facts import sockets

LOOK = "ss -tulnp"


def at(reader, opening):
    """Who listens on that port, by address."""
    wanted = (opening.protocol, opening.port)
    return {socket.address: socket for socket in sockets.listening(reader) if (socket.protocol, socket.port) == wanted}


def test_it_is_bound_where_it_should_be(reader, opening, expect):
    seen = at(reader, opening)
    bound = {
        address for address, socket in seen.items() if address in opening.addresses or opening.unit in socket.units
    }
    expect(
        f"addresses of port {opening.port}/{opening.protocol} of {opening.unit}", bound, set(opening.addresses), LOOK
    )


def test_it_is_held_by_its_unit(reader, opening, expect):
    seen = at(reader, opening)
    held = {
        unit for address in opening.addresses & seen.keys() for unit in seen[address].units or {seen[address].program}
    }
    expect.that(
        f"port {opening.port}/{opening.protocol}",
        held <= {opening.unit},
        seen=held,
        expected=f"unit {opening.unit} and no other",
        look=LOOK,
    )


def test_nothing_else_listens(reader, surface, expect):
    others = [
        str(socket) for socket in sockets.listening(reader) if not socket.is_local and not planned(socket, surface)
    ]
    expect("sockets that nobody planned, other than on the loopback", sorted(others), [], LOOK)


def planned(socket, surface):
    if socket.may_ask and socket.units and socket.units <= surface.units:
        # Resolvers hold one while they wait, and RabbitMQ's syslog client, after some builds, for good.
        return True
    return any(
        opening.protocol == socket.protocol
        and opening.port <= socket.port <= opening.last
        and opening.addresses & {socket.address, sockets.ANY}
        for opening in surface.openings
    )
