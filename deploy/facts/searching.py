"""Searching: the script that looks for passwords in all files and commands that any user of a host can read."""

import base64
from collections.abc import Iterable
from shlex import quote
from urllib.parse import quote as url_encoded

SAMPLE = "/etc/passwd"
"""A file that everyone can read on every host. The search must find root's line in it, and reports no other line."""
KINDS = ("passwords", "secrets", "passwords of commands", "secrets of commands")
"""What is searched for: in files, then in the arguments of running programs."""
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.glusterfs", "fuse.ceph", "fuse.sshfs")
_KERNEL = ("proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "autofs")
_PACKAGES = "/usr"
"""The folder of packages, with the same 60 000 files on every host."""
_LEFT_OUT = (
    *(f"-fstype {name}" for name in (*_REMOTE, *_KERNEL)),
    f"-path {_PACKAGES}",
    "! -perm -0001",  # others may not enter, so they read no file below, whatever its mode
)
_BINARY = "-1024k"
"""The size up to which binary files are searched for secrets; larger ones are images of disks."""

_NAME = r"[[:alnum:]_.-]*(password|passphrase|secret|admin_pass|[_-]pass|(api|secret|access)[_-]?key)"
_VALUE = r"""("[^"$<{%]|'[^'<{]|[^]["'$<{%(`*,;#[:space:]])"""
_PASSWORDS = (
    # NAME = value, `export NAME=value`, systemd's `Environment="NAME=value"`; passwd: the option of MariaDB's clients
    rf"""^[[:space:]]*(export[[:space:]]+|Environment=)?["']?({_NAME}|passwd)["']?[[:space:]]*=[[:space:]]*{_VALUE}""",
    # an argument or a variable in the middle of a script's line
    rf"""^[^#]*[[:space:]"'](--)?{_NAME}={_VALUE}""",
    # YAML, then JSON
    rf"""^[[:space:]]*(-[[:space:]]+)?["']?{_NAME}["']?:[[:space:]]+{_VALUE}""",
    rf"""["']{_NAME}["'][[:space:]]*:[[:space:]]*["'][^"'$<]""",
    # HAProxy's statistics and lists of users, then netrc(5)
    r"^[[:space:]]*(stats[[:space:]]+)?auth[[:space:]]+[^:[:space:]]+:[^[:space:]]",
    r"^[[:space:]]*user[[:space:]].*[[:space:]]insecure-password[[:space:]]+[^[:space:]]",
    r"^[[:space:]]*(machine|default)[[:space:]].*password[[:space:]]+[^[:space:]]",
    # a URL with a password; SSH and TLS keys
    r"""^[^#]*[a-z][a-z0-9+.-]*://[^]/:@[:space:]"'<>$%{]*:[^]/@[:space:]"'<>$%{]+@""",
    r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----",
)
_OPTION = rf"^--?({_NAME}|passwd)=."
_HARMLESS = (
    r"""[=:][[:space:]]*(["']?(null|none|true|false|yes|no|required|optional)["']?[[:space:],;]*"""
    r"""|[a-z_]+(\.[a-z_]+)+\(.*)$"""
)
"""Values that are no password; the last is the call of a function of a module."""

_GREP = r"""
search() { # <kind> <sample> <patterns> <harmless> <options of grep> <file>...
  kind=$1 sample=$2 patterns=$3 harmless=$4 options=$5; shift 5
  names=$(printf "%s\n" "$sample${patterns:+
$patterns}" | grep -l $options -f - -- "$@")
  [ $? -le 2 ] || echo "grep was killed"
  printf "%s\n" "$names" | while IFS= read -r file; do [ -z "$file" ] || lines; done
}
lines() {
  given=$patterns name=$file
  [ "$file" != SAMPLE ] || given=$sample
  [ -n "$given" ] || return 0
  text=$(printf "%s\n" "$given" | grep -n $options -f - -- "$file" | tr -d "\000")
  [ -n "$text" ] || return 0
  numbers=$(printf "%s\n" "$text" | grep -aviE -e "$harmless" | cut -d : -f 1 | head -n 5 | tr "\n" " ")
  case $file in /proc/*) read -r name < "${file%cmdline}comm"; name="command of process $name" ;; esac
  [ -z "$numbers" ] || printf "found\t%s\t%s\t%s\n" "$kind" "$name" "$numbers"
}
root="^root:[^:]*:0:0:" ids=:0:0: never="^$"
echo begun
if [ "$0" = commands ]; then
  search "passwords of commands" "$root" "$option" "$harmless" -aziE "$@"
  search "secrets of commands" $ids "$wanted" "$never" -aF "$@"
else
  search passwords "$root" "$passwords" "$harmless" -IiE "$@"
  search secrets $ids "$wanted" "$never" $0 "$@"
fi
echo ended
""".replace("SAMPLE", SAMPLE)

_SEARCH = f"""
export LC_ALL=C
exec 2>&1
wanted=$(cat) passwords={quote(chr(10).join(_PASSWORDS))} option={quote(_OPTION)} harmless={quote(_HARMLESS)}
export wanted passwords option harmless
grep={quote(_GREP)}
find / /usr/local /dev/shm PACKAGED -type d '(' {" -o ".join(_LEFT_OUT)} ')' -prune -o -type f -perm -0004 -size +0 \\
  '(' -size {_BINARY} -exec sh -c "$grep" -aF {{}} + -o -exec sh -c "$grep" -IF {{}} + ')'
[ $? -le 1 ] || echo "find was killed"
sh -c "$grep" commands {SAMPLE} /proc/[0-9]*/cmdline
exit 0
"""


def script(packaged: Iterable[str]) -> str:
    """Return the script, which reads secrets from stdin, one a line. `packaged`: patterns of paths to leave out.

    It walks as root through the folders that everyone may enter, and reads the files that everyone may read; so it
    needs no account without rights. What its tools write on stderr is part of its output: a missing tool or a file that
    cannot be read must not look like a host without passwords.
    """
    return _SEARCH.replace("PACKAGED", " ".join(f"-path {quote(path)} -prune -o" for path in packaged))


def spellings(secret: str) -> set[str]:
    """Return the texts that reveal a secret: itself, URL-encoded, and in base64 as a part of any longer text."""
    encoded = {_base64(secret.encode(), before) for before in range(3)}
    return {secret, url_encoded(secret, safe=""), *encoded, *(text.translate(_URL_SAFE) for text in encoded)}


_URL_SAFE = str.maketrans("+/", "-_")


def _base64(secret: bytes, before: int) -> str:
    """Return the characters of base64 that depend on the secret alone, with `before` bytes before it."""
    text = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
    first = (0, 2, 3)[before]
    return text[first:] if (before + len(secret)) % 3 == 0 else text[first:-1]
