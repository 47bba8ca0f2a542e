"""Image: what Glance says of its images, and what of their data lies on a host's disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.host import Reads

if TYPE_CHECKING:
    from openstack.connection import Connection

FOLDER = "/var/lib/glance/images"


@dataclass(frozen=True)
class Image:
    """One image; `size` in bytes, 0 while it has none."""

    id: str
    name: str
    status: str
    size: int


def images(cloud: Connection) -> list[Image]:
    """Every image."""
    return [Image(told.id, told.name, told.status, told.size or 0) for told in cloud.image.images()]


def stored(host: Reads) -> dict[str, int]:
    """The sizes in bytes of the images on that host's disk, by the image's identifier."""
    return parse(host.run("find %s -type f -printf '%%f %%s\\n'", FOLDER).out)


def parse(text: str) -> dict[str, int]:
    """Lines of name and size."""
    return {name: int(size) for name, size in (line.rsplit(" ", 1) for line in text.splitlines())}
