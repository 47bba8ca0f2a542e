"""Images: Glance's list of images, and their data: files on a host's disk, or images of RBD in Ceph's pool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deploy.facts import rbd
from deploy.facts.ended import END, whole
from deploy.host import Reads

if TYPE_CHECKING:
    from openstack.connection import Connection

CLIENT, POOL = "glance", "images"
"""Glance's client of Ceph, and its pool."""
FOLDER = "/var/lib/glance/images"
AT_WORK = {"saving", "uploading", "importing"}
"""States in which Glance itself works on an image. `queued` waits for its owner, who may never upload data."""


@dataclass(frozen=True)
class Image:
    """One image; `size` in bytes, 0 before data is uploaded."""

    id: str
    name: str
    status: str
    size: int
    public: bool = True
    """True where every project may use the image; only an administrator makes an image public."""
    age: float = 0.0
    """Seconds since Glance last changed its record of the image, by the runner's clock."""

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    def fails(self, patience: float) -> bool:
        """True for a public image that is not active, and for any that Glance works on for `patience` seconds."""
        return self.status != "active" and (self.public or (self.status in AT_WORK and self.age > patience))


def images(cloud: Connection) -> list[Image]:
    """Return every image Glance lists."""
    now = datetime.now(UTC)
    return [
        Image(
            id=image.id,
            name=image.name,
            status=image.status,
            size=image.size or 0,
            public=image.visibility == "public",
            age=(now - datetime.fromisoformat(image.updated_at)).total_seconds(),
        )
        for image in cloud.image.images()
    ]


def stored(host: Reads, after: int = 0) -> dict[str, int]:
    """Return the sizes in bytes of the image files on that host's disk, by image ID, `after` seconds from now.

    CommandFailed where the folder cannot be listed.
    """
    ask = f"sleep %s; find %s -type f -printf '%%f %%s\\n' && echo {END}"
    return parse(whole(host, "files of images", host.check(ask, after, FOLDER, timeout=after + 25)))


def pooled(host: Reads, after: int = 0) -> dict[str, int]:
    """Return the sizes in bytes of the images in Ceph's pool in the same way, -1 for unfinished ones.

    The host reads the pool as Glance does there.
    """
    return rbd.snapshots(host, CLIENT, POOL, after)


def parse(text: str) -> dict[str, int]:
    """Parse lines of file name and size; other lines are skipped."""
    words = (line.rpartition(" ") for line in text.splitlines())
    return {name: int(size) for name, _, size in words if name and size.isdecimal()}
