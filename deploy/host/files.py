"""Files on a host: compare them with what was rendered and put them in place, each in one round trip."""

import hashlib
import io
import shlex
import tarfile
import time
from collections.abc import Iterable

from deploy.render import Rendered

STATE = "/var/lib/stackproof"
"""Folder of our state on a host: markers of units whose files changed and which have not restarted yet."""


def read_script(files: Iterable[Rendered]) -> str:
    """Return a script for `sh -s` that prints path, SHA-256, owner and mode of each file, then those of its folder.

    Then it prints all files below folders that we own whole, one per line, each after a plus sign.
    """
    files = list(files)
    lines = [_READ + " ".join(shlex.quote(file.path) for file in files)]
    if whole := _whole(files):
        lines.append(f"find {' '.join(map(shlex.quote, whole))} -mindepth 1 ! -type d -printf '+%p\\n' 2>/dev/null")
    return "\n".join(lines) + "\n"


def differing(files: Iterable[Rendered], output: str) -> list[str]:
    """Return the paths that differ by the output of `read_script`, then foreign files in folders that we own whole."""
    wanted = {file.path: file for file in files}
    listed = {line[1:] for line in output.splitlines() if line.startswith("+")}
    there = dict(line.split(" ", 1) for line in output.splitlines() if not line.startswith("+"))
    wrong = [path for path, file in wanted.items() if not is_as(file, there.get(path, ""))]
    return wrong + sorted(listed - set(wanted))


def is_as(file: Rendered, described: str) -> bool:
    """True where `described`, the line of `read_script` without the path, matches the rendered file."""
    wanted = f"{hashlib.sha256(file.text.encode()).hexdigest()} {file.owner} {file.mode.lstrip('0')} "
    if file.folder:
        return described == f"{wanted}{file.owner} {file.folder.lstrip('0')}"
    return described.startswith(wanted)


def put_script(files: Iterable[Rendered], foreign: Iterable[str], users: Iterable[str]) -> str:
    """Return the command that puts those files in place, from their `archive` on stdin, and removes foreign files.

    `users` are units that read the folders of foreign files; they restart as well.
    """
    files = list(files)
    fresh = " ".join(shlex.quote(_fresh(file.path)) for file in files)
    parents = " ".join(shlex.quote(folder) for folder in sorted({file.path.rpartition("/")[0] for file in files}))
    markers = sorted({*users, *(unit for file in files for unit in file.units)})
    return _PUT.format(
        state=STATE,
        markers=" ".join(shlex.quote(f"{STATE}/pending/{unit}") for unit in markers),
        paths=" ".join(shlex.quote(file.path) for file in files),
        fresh=fresh,
        parents=parents,
        on_disk=f"sync -- {fresh}" if files else ":",  # without names, sync writes every file system
        renamed=f"sync -- {parents}" if files else ":",
        folders=_folders(files),
        foreign="".join(f"rm -- {shlex.quote(path)}\n" for path in foreign),
        reload="systemctl daemon-reload" if any("/systemd/system/" in f.path for f in files) else ":",
    )


def archive(files: Iterable[Rendered]) -> bytes:
    """Return the files as a tar archive, with owners and modes, under the names that they have until all are there."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        for file in files:
            data = file.text.encode()
            entry = tarfile.TarInfo(_fresh(file.path).lstrip("/"))
            entry.size, entry.mode, entry.mtime = len(data), int(file.mode, 8), int(time.time())
            entry.uname, entry.gname = file.owner.split(":")
            out.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _fresh(path: str) -> str:
    """Return the name of a new file beside the one that it will replace. Programs skip such names in their folders."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.stackproof-new"


def users(files: Iterable[Rendered], foreign: Iterable[str]) -> set[str]:
    """The units that read files of folders with foreign files."""
    foreign = list(foreign)
    folders = tuple(f"{folder}/" for folder in _whole(files) if any(path.startswith(f"{folder}/") for path in foreign))
    return {unit for file in files if file.path.startswith(folders) for unit in file.units}


def _whole(files: Iterable[Rendered]) -> list[str]:
    """The folders that hold rendered files and nothing else."""
    return sorted({file.path.rpartition("/")[0] for file in files if file.whole})


def _folders(files: Iterable[Rendered]) -> str:
    wanted = sorted({(file.path.rpartition("/")[0], file.owner, file.folder) for file in files if file.folder})
    lines = (f"chown {owner} {shlex.quote(path)}; chmod {mode} {shlex.quote(path)}" for path, owner, mode in wanted)
    return "\n".join(lines) or ":"


_READ = """
show() { for p in "$@"; do
  [ -f "$p" ] || continue
  h=$(sha256sum < "$p") && s=$(stat -c '%U:%G %a' "$p" "${p%/*}") && echo "$p" "${h%% *}" $s
done; }
show """

# Each file is unpacked beside the one that it replaces, written to the disk and then renamed. So no reader meets half a
# file, neither where /var is a file system of its own nor after a loss of power.
_PUT = """set -eu
umask 022
mkdir -p {state}/pending {parents}
trap 'rm -f -- {fresh}' EXIT
tar -xp -C /
{on_disk}
for marker in {markers}; do : > "$marker"; done
{folders}
for path in {paths}; do mv -fT -- "${{path%/*}}/.${{path##*/}}.stackproof-new" "$path"; done
{foreign}{renamed}
{reload}
"""
