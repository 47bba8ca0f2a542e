"""Exposure: secrets any user of a host can read, configuration any user can write, and the sign-in settings of sshd."""

from collections.abc import Iterable

from deploy.host import Reads

CONFIGURATION = ("/etc", "/usr/local", "/opt")
"""Folders of a host's configuration and of its locally installed programs."""
SHORTEST = 12
"""The shortest secret searched for, in characters; a shorter text may be in a file by chance."""


def revealing(host: Reads, secrets: Iterable[str]) -> list[str]:
    """Return the files, and the commands of running programs, in which any user can read one of those secrets.

    The secrets travel on stdin to a search that runs as root. The user `nobody` then tries to read each file it found.
    """
    wanted = sorted({secret for secret in secrets if len(secret) >= SHORTEST})
    return host.check(_REVEALING, stdin="\n".join(wanted), timeout=60).splitlines() if wanted else []


def passwords(host: Reads) -> list[str]:
    """Return the files below /etc in which any user can read a password, recognised by the names of settings."""
    return host.check(_PASSWORDS, timeout=60).splitlines()


def writable(host: Reads) -> list[str]:
    """Return the files and folders of CONFIGURATION that any user can write, folders with a sticky bit included."""
    return host.check(
        "find %s %s %s -xdev '(' -type f -o -type d ')' -perm -0002 -print", *CONFIGURATION, timeout=60
    ).splitlines()


def sign_in(host: Reads) -> dict[str, str]:
    """Return sshd's effective settings (`sshd -T`), by name in lower case."""
    return dict(line.split(" ", 1) for line in host.check("$(command -v sshd || echo /usr/sbin/sshd) -T").splitlines())


_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"
_REVEALING = f"""
grep -rlsaF --exclude-dir=journal -f - /etc /usr/local /var/lib/stackproof /var/log /proc/[0-9]*/cmdline |
{_NOBODY} sh -c 'while IFS= read -r file; do
  case $file in
    /proc/*) printf "%s (the command of a running program)\\n" "$(tr "\\0" " " < "$file" | cut -d " " -f 1)" ;;
    *) [ ! -r "$file" ] || printf "%s\\n" "$file" ;;
  esac
done' | sort -u
"""
_SETTING = (
    r"^[[:space:]]*([a-z_]*password|[a-z_]*secret)[[:space:]]*=[[:space:]]*[^[:space:]]"
    r"|^[[:space:]]*(connection|transport_url)[[:space:]]*=.*:[^:@/]+@"
)
_PASSWORDS = f"{_NOBODY} grep -rlsIE --exclude=openssl.cnf '{_SETTING}' /etc || true"
"""Excludes openssl.cnf, which holds an example password."""
