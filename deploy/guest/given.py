"""Images that the inventory names: found or downloaded, and verified by their checksum."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import requests

from deploy.guest.image import GuestImage, GuestImageError, disk_format, sha256
from deploy.journal import JOURNAL

_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 60.0
_CHUNK = 1 << 20


def from_file(path: Path, expected: str | None) -> GuestImage:
    """Return the image in a file of the runner; GuestImageError where it is missing or has another checksum."""
    path = path.expanduser().absolute()
    if not path.is_file():
        raise GuestImageError(
            f"there is no guest image at {path}",
            expected="the file that the inventory names as image.file",
            seen="a directory" if path.is_dir() else "no file",
            hint="put the file there, or remove image.file: a small guest is then built on the runner",
        )
    return _checked(path, path.name, expected)


def from_url(url: str, expected: str | None, cache: Path) -> GuestImage:
    """Return the image at http(s):// or file://, downloaded once into `cache` and verified on every use."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return from_file(Path(unquote(parts.path)), expected)
    if parts.scheme not in {"http", "https"}:
        raise GuestImageError(
            f"guest image {url} cannot be fetched",
            expected="an http://, https:// or file:// address as image.url",
            seen=f"the scheme {parts.scheme!r}",
            hint="correct image.url in the inventory",
        )
    name = Path(unquote(parts.path)).name or "image"
    key = (expected or hashlib.sha256(url.encode()).hexdigest()).lower()[:16]
    kept = cache / f"guest-{key}" / name
    if not kept.is_file() or (expected and sha256(kept) != expected.lower()):
        _download(url, kept, expected)
    return _checked(kept, name, None)


def _checked(path: Path, name: str, expected: str | None) -> GuestImage:
    seen = sha256(path)
    if expected and seen != expected.lower():
        raise _mismatch(str(path), expected, seen)
    return GuestImage(
        name=Path(name).stem,
        disk=path,
        kernel=None,
        ramdisk=None,
        disk_format=disk_format(path),
        checksum=seen,
    )


def _download(url: str, target: Path, expected: str | None) -> None:
    """Download into a file beside the target, and rename it to the target where its checksum is right."""
    JOURNAL.emit("note", f"downloading the guest image {url}")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=".download-")
    try:
        with os.fdopen(handle, "wb") as stream:
            seen = _stream(url, stream)
        if expected and seen != expected.lower():
            raise _mismatch(url, expected, seen)
        os.replace(partial, target)
    finally:
        Path(partial).unlink(missing_ok=True)


def _stream(url: str, target: BinaryIO) -> str:
    digest = hashlib.sha256()
    try:
        with requests.get(url, stream=True, timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS)) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_content(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
    except requests.RequestException as error:
        raise GuestImageError(
            f"guest image {url} could not be downloaded",
            expected=f"an answer within {_CONNECT_SECONDS:.0f} s, then data at least every {_SILENCE_SECONDS:.0f} s",
            seen=str(error),
            hint="check the runner's network, name a local image.file, or remove image.url: a guest is then built",
        ) from None
    return digest.hexdigest()


def _mismatch(where: str, expected: str, seen: str) -> GuestImageError:
    return GuestImageError(
        f"guest image {where} does not have the inventory's checksum",
        expected=f"sha256 {expected.lower()}",
        seen=f"sha256 {seen}",
        hint="correct image.sha256 after checking the publisher's list, or download the file again",
    )
