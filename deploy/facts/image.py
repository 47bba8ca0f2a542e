"""Images: Glance's list of images, and the image files on a host's disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.host import Reads

if TYPE_CHECKING:
    from openstack.connection import Connection

FOLDER = "/var/lib/glance/images"


@dataclass(frozen=True)
class Image:
    """One image; `size` in bytes, 0 before data is uploaded."""

    id: str
    name: str
    status: str
    size: int


def images(cloud: Connection) -> list[Image]:
    """Return every image Glance lists."""
    return [Image(image.id, image.name, image.status, image.size or 0) for image in cloud.image.images()]


def stored(host: Reads, after: int = 0) -> dict[str, int]:
    """Return the sizes in bytes of the image files on that host's disk, by image ID, `after` seconds from now.

    CommandFailed where the folder cannot be listed.
    """
    return parse(host.check("sleep %s; find %s -type f -printf '%%f %%s\\n'", after, FOLDER, timeout=after + 25))


def parse(text: str) -> dict[str, int]:
    """Parse lines of file name and size."""
    return {name: int(size) for name, size in (line.rsplit(" ", 1) for line in text.splitlines())}
