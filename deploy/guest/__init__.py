"""The guest image of tenants: the image the inventory names, or a cirros-like image built on the runner."""

from pathlib import Path

from deploy.guest.build import built
from deploy.guest.given import from_file, from_url
from deploy.guest.image import GuestImage, GuestImageError
from deploy.guest.raw import as_raw
from deploy.inventory import Image

__all__ = ["GuestImage", "GuestImageError", "as_raw", "obtain"]


def obtain(image: Image, cache: Path) -> GuestImage:
    """Return the inventory's guest image, ready for upload; downloads and builds are kept in `cache`.

    Raises GuestImageError where it is missing, unreachable, has another checksum, or cannot be built.
    """
    if image.file:
        return from_file(image.file, image.sha256)
    if image.url:
        return from_url(image.url, image.sha256, cache)
    return built(cache)
