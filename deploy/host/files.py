"""Files on a host: what is compared, and how they are put in place, each with few round trips."""

import hashlib
import io
import shlex
import tarfile
import time
from collections.abc import Iterable

from deploy.render import Rendered

STATE = "/var/lib/stackproof"
"""What we keep on a host: markers of units whose files changed and which have not restarted yet."""


def read_script(files: Iterable[Rendered]) -> str:
    """A script for `sh -s` that prints checksum, owners and modes of each file that is there, and of its folder.

    Then come all files below folders that are owned whole, one a line, each after a plus sign.
    """
    files = list(files)
    lines = [_READ + " ".join(shlex.quote(file.path) for file in files)]
    if whole := _whole(files):
        lines.append(f"find {' '.join(map(shlex.quote, whole))} -mindepth 1 ! -type d -printf '+%p\\n' 2>/dev/null")
    return "\n".join(lines) + "\n"


def differing(files: Iterable[Rendered], told: str) -> list[str]:
    """The paths that are not as given, by what `read_script` printed; then the foreign ones in folders owned whole."""
    wanted = {file.path: file for file in files}
    listed = {line[1:] for line in told.splitlines() if line.startswith("+")}
    seen = dict(line.split(" ", 1) for line in told.splitlines() if not line.startswith("+"))
    wrong = [path for path, file in wanted.items() if not is_as(file, seen.get(path, ""))]
    return wrong + sorted(listed - set(wanted))


def is_as(file: Rendered, told: str) -> bool:
    """What `read_script` prints of a file is what it must be."""
    wanted = f"{hashlib.sha256(file.text.encode()).hexdigest()} {file.owner} {file.mode.lstrip('0')} "
    return told == f"{wanted}{file.owner} {file.folder.lstrip('0')}" if file.folder else told.startswith(wanted)


def put_script(files: Iterable[Rendered], foreign: Iterable[str], users: Iterable[str]) -> str:
    """The command that puts those files in place, from their `archive` on stdin, and removes the foreign ones.

    `users` are units that read the folders of foreign files: these restart as well.
    """
    files = list(files)
    markers = sorted({*users, *(unit for file in files for unit in file.units)})
    return _PUT.format(
        state=STATE,
        markers=" ".join(shlex.quote(f"{STATE}/pending/{unit}") for unit in markers),
        paths=" ".join(shlex.quote(file.path) for file in files),
        folders=_folders(files),
        foreign="".join(f"rm -- {shlex.quote(path)}\n" for path in foreign),
        reload="systemctl daemon-reload" if any("/systemd/system/" in f.path for f in files) else ":",
    )


def archive(files: Iterable[Rendered]) -> bytes:
    """The files as a tar archive, with owners and modes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        for file in files:
            data = file.text.encode()
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.size, entry.mode, entry.mtime = len(data), int(file.mode, 8), int(time.time())
            entry.uname, entry.gname = file.owner.split(":")
            out.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


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

# Each file is unpacked beside the state and moved into place, so no reader ever meets half of one.
_PUT = """set -eu
mkdir -p {state}/pending
in=$(mktemp -d {state}/incoming.XXXXXX)
trap 'rm -rf "$in"' EXIT
tar -xp -C "$in"
for marker in {markers}; do : > "$marker"; done
for path in {paths}; do mkdir -p "${{path%/*}}"; done
{folders}
for path in {paths}; do mv -f "$in$path" "$path"; done
{foreign}{reload}
"""
