"""Listening: each port is bound to exactly its addresses, by the right unit; no other socket listens."""

from deploy.facts import sockets

LOOK = "ss -tulnp"


def listening(reader, expect):
    """The host's listening sockets; red where there is none, since sshd has one on every host."""
    return expect.known("listening sockets", sockets.listening(reader), LOOK)


def sockets_of(reader, opening, expect):
    """The sockets that listen on the port, by address."""
    wanted = (opening.protocol, opening.port)
    every = listening(reader, expect)
    return {socket.address: socket for socket in every if (socket.protocol, socket.port) == wanted}


def test_port_is_bound_to_its_addresses_only(reader, opening, expect):
    bound = {
        address
        for address, socket in sockets_of(reader, opening, expect).items()
        if address in opening.addresses or opening.unit in socket.units
    }
    expect(
        f"addresses of port {opening.port}/{opening.protocol} of {opening.unit}", bound, set(opening.addresses), LOOK
    )


def test_port_is_held_by_its_unit(reader, opening, expect):
    bound = sockets_of(reader, opening, expect)
    holders = {
        unit
        for address in opening.addresses & bound.keys()
        for unit in bound[address].units or {bound[address].program}
    }
    expect.that(
        f"holders of port {opening.port}/{opening.protocol}",
        holders == {opening.unit},
        seen=holders,
        expected=f"unit {opening.unit} and no other",
        look=LOOK,
    )


def test_no_unplanned_socket_listens(reader, surface, expect):
    others = [
        str(socket) for socket in listening(reader, expect) if not socket.is_local and not planned(socket, surface)
    ]
    expect("sockets that no service is to have, apart from the loopback", sorted(others), [], LOOK)


def planned(socket, surface):
    if socket.may_be_client and socket.units and socket.units <= surface.units:
        # A client's UDP socket: resolvers hold one while they wait, RabbitMQ's syslog client sometimes permanently.
        return True
    return any(
        opening.protocol == socket.protocol
        and opening.port <= socket.port <= opening.last
        and opening.addresses & {socket.address, sockets.ANY}
        for opening in surface.openings
    )
