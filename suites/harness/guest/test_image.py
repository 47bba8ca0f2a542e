"""Images the inventory names: only a file with the right checksum is used, and errors name both checksums."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.guest import GuestImageError, obtain
from deploy.guest.image import disk_format
from deploy.inventory import Image

QCOW2 = b"QFI\xfb" + bytes(1020)
DIGEST = hashlib.sha256(QCOW2).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "cirros-0.6.img").write_bytes(QCOW2)
    return folder


@pytest.fixture
def server(shelf: Path) -> Iterator[str]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(shelf)))
    thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_a_local_file_is_used_in_place(shelf: Path, tmp_path: Path):
    image = obtain(Image(file=shelf / "cirros-0.6.img"), tmp_path / "cache")
    assert (image.name, image.disk_format, image.checksum) == ("cirros-0.6", "qcow2", DIGEST)
    assert image.disk == shelf / "cirros-0.6.img"
    assert image.kernel is None
    assert not (tmp_path / "cache").exists()


def test_the_checksum_may_be_in_capitals(shelf: Path, tmp_path: Path):
    assert obtain(Image(file=shelf / "cirros-0.6.img", sha256=DIGEST.upper()), tmp_path).checksum == DIGEST


def test_a_missing_file_is_reported(tmp_path: Path):
    with pytest.raises(GuestImageError, match="no guest image at") as refusal:
        obtain(Image(file=tmp_path / "absent.img"), tmp_path)
    assert refusal.value.seen == "no file"


def test_a_mismatch_names_the_expected_and_the_actual_checksum(shelf: Path, tmp_path: Path):
    url = (shelf / "cirros-0.6.img").as_uri()
    with pytest.raises(GuestImageError) as refusal:
        obtain(Image(url=url, sha256="0" * 64), tmp_path)
    assert refusal.value.expected == f"sha256 {'0' * 64}"
    assert refusal.value.seen == f"sha256 {DIGEST}"


def test_a_download_is_cached(server: str, shelf: Path, tmp_path: Path):
    wanted = Image(url=f"{server}/cirros-0.6.img", sha256=DIGEST)
    first = obtain(wanted, tmp_path)
    (shelf / "cirros-0.6.img").unlink()
    assert obtain(wanted, tmp_path) == first
    assert first.disk.read_bytes() == QCOW2


def test_a_damaged_download_is_repeated(server: str, tmp_path: Path):
    wanted = Image(url=f"{server}/cirros-0.6.img", sha256=DIGEST)
    obtain(wanted, tmp_path).disk.write_bytes(b"damaged")
    assert obtain(wanted, tmp_path).disk.read_bytes() == QCOW2


def test_a_download_with_a_wrong_checksum_is_removed(server: str, tmp_path: Path):
    with pytest.raises(GuestImageError, match="does not have the inventory's checksum"):
        obtain(Image(url=f"{server}/cirros-0.6.img", sha256="0" * 64), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "shelf" not in path.parents] == []


def test_a_server_s_refusal_is_reported(server: str, tmp_path: Path):
    with pytest.raises(GuestImageError, match="could not be downloaded") as refusal:
        obtain(Image(url=f"{server}/absent.img", sha256=DIGEST), tmp_path)
    assert "404" in refusal.value.seen


def test_a_silent_server_is_an_error(tmp_path: Path):
    with pytest.raises(GuestImageError, match="could not be downloaded"):
        obtain(Image(url="http://127.0.0.1:1/cirros.img", sha256=DIGEST), tmp_path)


def test_an_unknown_url_scheme_is_refused(tmp_path: Path):
    with pytest.raises(GuestImageError, match="cannot be fetched"):
        obtain(Image(url="ftp://127.0.0.1/cirros.img", sha256=DIGEST), tmp_path)


@pytest.mark.parametrize(
    ("content", "kind"), [(QCOW2, "qcow2"), (bytes(510) + b"\x55\xaa" + bytes(512), "raw")], ids=["qcow2", "raw"]
)
def test_the_format_is_recognised_by_content(tmp_path: Path, content: bytes, kind: str):
    path = tmp_path / "disk.whatever"
    path.write_bytes(content)
    assert disk_format(path) == kind


def test_a_saved_error_page_is_not_an_image(tmp_path: Path):
    path = tmp_path / "cirros.img"
    path.write_text("<html>not found</html>")
    with pytest.raises(GuestImageError, match="not a disk image"):
        disk_format(path)
