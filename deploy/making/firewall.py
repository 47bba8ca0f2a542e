"""The packet filter: loading a host's new rules so that a mistake in them undoes itself."""

from deploy.errors import HostUnreachable, StepFailed
from deploy.facts.firewall import FILE, OPERATORS, TABLE
from deploy.host import STATE, Host

UNIT = "stackproof-firewall"
_UNDO = f"{UNIT}-undo"
_BEFORE = f"/run/{UNIT}.before"
AFTER = 60
"""Seconds after which a host takes back rules with which the runner did not come in again."""

_LOAD = f"""set -eu
mkdir -p -m 755 {OPERATORS}
nft -c -f {FILE}
systemctl stop {_UNDO}.timer 2>/dev/null || :
{{ echo 'table {TABLE}'; echo 'delete table {TABLE}'; nft -s list table {TABLE} 2>/dev/null || :; }} > {_BEFORE}
systemd-run -q --unit={_UNDO} --on-active={AFTER} --timer-property=AccuracySec=1s \\
  sh -c 'nft -f {_BEFORE}; mv -f {FILE} {FILE}.refused'
systemctl daemon-reload
systemctl enable -q {UNIT}
systemctl restart {UNIT}
rm -f {STATE}/pending/{UNIT}
"""


def load(host: Host) -> None:
    """Load the rules of the host's file. StepFailed where the runner then cannot sign in by a new connection; the host
    takes the earlier rules back after AFTER seconds, and sets the file aside."""
    host.change("loaded the packet filter", _LOAD)
    host.disconnect()
    try:
        host.check(f"systemctl stop {_UNDO}.timer; rm -f {_BEFORE}")
    except HostUnreachable as error:
        raise StepFailed(
            f"{host.name}: its new packet filter does not let the runner in",
            expected=f"a new connection to its SSH, at {host.node.management}:{host.ssh.port}",
            seen=str(error).splitlines()[0],
            hint=f"the host takes back the earlier rules {AFTER} s after it loaded these, and keeps them as "
            f"{FILE}.refused; look at {OPERATORS} there and at the interface of networks.management",
        ) from None
