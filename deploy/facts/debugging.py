"""Debugging: services that log at the level DEBUG now, whatever their files say."""

from deploy.facts.ended import END, whole
from deploy.host import Reads

MINUTES = 10
"""A debug line is recent for this long; a service that logs at this level writes many a minute."""


def services(host: Reads) -> list[str]:
    """Return the log files with a recent line of the level DEBUG; CommandFailed where they cannot be read."""
    text = host.check(f"{{ {_DEBUGGING}\n}} && echo {END}", f"{MINUTES} minutes ago", timeout=20)
    return whole(host, "debug lines", text).split()


# The last lines of each log of oslo.log: `date time.milliseconds pid LEVEL ...`, in the host's time zone. A log without
# a line is no error; one that cannot be read is.
_DEBUGGING = """
since=$(date -d %s '+%%F %%T') && found=$(find /var/log -mindepth 2 -maxdepth 2 -name '*.log' -size +0) || exit
[ -z "$found" ] || tail -v -n 50 $found | awk -v since="$since" '
/^==> / { file = $2 } $4 == "DEBUG" && ($1 " " $2) >= since { seen[file] } END { for (file in seen) print file }'
"""
