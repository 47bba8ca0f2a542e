"""Exposure: what a host shows to any of its users, or lets any of them write; and how one may sign in there."""

from collections.abc import Iterable

from deploy.host import Reads

CONFIGURATION = ("/etc", "/usr/local", "/opt")
"""Where a host's configuration and programs of its own lie."""
SHORTEST = 12
"""A secret of fewer characters may stand in a file by chance."""


def revealing(host: Reads, secrets: Iterable[str]) -> list[str]:
    """The files in which any user can read one of those secrets, the commands of running programs among them.

    The secrets go by stdin to a search that runs as root; only the names of what it finds are tried as nobody.
    """
    wanted = sorted({secret for secret in secrets if len(secret) >= SHORTEST})
    return host.check(_REVEALING, stdin="\n".join(wanted), timeout=60).splitlines() if wanted else []


def passwords(host: Reads) -> list[str]:
    """The configuration files in which any user can read a password, by the names that settings have."""
    return host.check(_PASSWORDS, timeout=60).splitlines()


def writable(host: Reads) -> list[str]:
    """The files and folders of the configuration that any user can write; a folder's sticky bit does not help here."""
    return host.check(
        "find %s %s %s -xdev '(' -type f -o -type d ')' -perm -0002 -print", *CONFIGURATION, timeout=60
    ).splitlines()


def sign_in(host: Reads) -> dict[str, str]:
    """The settings of sshd as it understands them, by their names in small letters."""
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
"""OpenSSL's own file holds a password that is an example."""
