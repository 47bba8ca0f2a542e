"""The built guest, without building it: key, archive, module order, listings of package tools, console marks."""

import gzip
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.guest import GuestImageError, build, cpio, modules, packages, rootfs, trial

RECIPE = Path(build.__file__).parent


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RECIPE, tmp_path / "guest", ignore=shutil.ignore_patterns("__pycache__")))


def test_key_is_the_same_for_the_same_recipe(recipe: Path):
    assert build.recipe_key(recipe) == build.recipe_key(RECIPE)


@pytest.mark.parametrize("touched", ["modules.py", "ext4.py", "ramdisk/init", "rootfs/etc/inittab"])
def test_the_key_changes_with_every_file_of_the_recipe(recipe: Path, touched: str):
    before = build.recipe_key(recipe)
    with (recipe / touched).open("a") as stream:
        stream.write("\n# touched\n")
    assert build.recipe_key(recipe) != before


def test_the_key_does_not_change_with_other_files(recipe: Path):
    before = build.recipe_key(recipe)
    (recipe / "trial.py").write_text("")
    assert build.recipe_key(recipe) == before


def test_key_changes_with_the_architecture():
    assert build.recipe_key(machine="x86_64") != build.recipe_key(machine="aarch64")


def test_only_a_complete_build_is_used_again(tmp_path: Path):
    home = tmp_path / "guest-0123"
    home.mkdir()
    for name in ("disk.qcow2", "vmlinuz", "initramfs.gz"):
        (home / name).touch()
    assert build.kept(home) is None
    (home / "manifest.json").write_text('{"checksum": "abc"}')
    image = build.kept(home)
    assert image is not None
    assert (image.name, image.checksum, image.ramdisk) == ("stackproof-guest-0123", "abc", home / "initramfs.gz")
    (home / "vmlinuz").unlink()
    assert build.kept(home) is None


def test_modules_come_after_their_dependencies():
    needs = {"virtio_pci": ["virtio_ring", "virtio"], "virtio": ["virtio_ring"], "net_failover": ["failover"]}
    needs["virtio_net"] = ["virtio", "net_failover"]
    ordered = modules.order(["virtio_net", "virtio_pci"], lambda name: needs.get(name, []))
    assert sorted(ordered) == ["failover", "net_failover", "virtio", "virtio_net", "virtio_pci", "virtio_ring"]
    for name, needed in needs.items():
        assert all(ordered.index(need) < ordered.index(name) for need in needed)


def test_modules_in_a_circle_are_an_error():
    with pytest.raises(GuestImageError, match="circle"):
        modules.order(["a"], {"a": ["b"], "b": ["a"]}.__getitem__)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"\x7fELF\0license=GPL\0depends=virtio-ring,virtio\0intree=Y\0", ("virtio_ring", "virtio")),
        (b"\x7fELF\0depends=\0", ()),
        (b"\x7fELF\0softdepends=other\0", ()),
    ],
)
def test_dependencies_are_read_from_the_module(content: bytes, names: tuple[str, ...]):
    assert modules.depends(content) == names


def test_built_in_drivers_need_no_file():
    assert modules.builtin("kernel/drivers/virtio/virtio-rng.ko\nkernel/fs/ext4/ext4.ko\n") == {"virtio_rng", "ext4"}


def test_modules_are_selected_and_unpacked(tmp_path: Path):
    drivers = {"virtio_ring": "", "virtio": "virtio_ring", "virtio_pci": "virtio", "virtio_net": "virtio"}
    for name, needs in drivers.items():
        (tmp_path / f"{name}.ko.gz").write_bytes(gzip.compress(f"ELF\0depends={needs}\0".encode()))
    chosen = modules.select(tmp_path, frozenset({"virtio_blk"}))
    assert set(chosen) == set(drivers)
    assert list(chosen)[:2] == ["virtio_ring", "virtio"]
    assert chosen["virtio"] == b"ELF\0depends=virtio_ring\0"
    with pytest.raises(GuestImageError, match="has no virtio_blk"):
        modules.select(tmp_path, frozenset())


def test_archive_has_parents_first_and_ends_in_a_trailer():
    entries = cpio.with_parents([cpio.file("etc/init.d/start", b"#!", 0o755), cpio.directory("tmp")])
    assert [entry.path for entry in entries] == ["etc", "etc/init.d", "etc/init.d/start", "tmp"]
    data = cpio.archive(entries)
    assert data.startswith(b"070701")
    assert data.endswith(b"TRAILER!!!\0\0\0\0")
    assert len(data) % 4 == 0
    assert gzip.decompress(cpio.compressed(entries)) == data


def test_a_later_entry_replaces_an_earlier_one():
    chosen = cpio.with_parents([cpio.link("bin/sudo", "busybox"), cpio.file("bin/sudo", b"#!/bin/sh")])
    assert [stat.S_ISREG(entry.mode) for entry in chosen if entry.path == "bin/sudo"] == [True]


def test_scripts_are_executable_whatever_the_checkout():
    overlays = (*rootfs.overlay(), *rootfs.overlay(rootfs.RAMDISK))
    modes = {entry.path: stat.S_IMODE(entry.mode) for entry in overlays}
    assert modes["init"] == modes["usr/libexec/stackproof/lease"] == 0o755
    assert modes["etc/shadow"] == 0o600
    assert modes["etc/passwd"] == modes["usr/libexec/stackproof/common"] == 0o644


def test_no_account_has_a_password():
    shadow = {line.split(":")[0]: line.split(":")[1] for line in (rootfs.OVERLAY / "etc/shadow").read_text().split()}
    assert shadow == {"root": "*", "cirros": "*", "sudo": ""}
    assert "-s" in (rootfs.OVERLAY / "usr/libexec/stackproof/sshd").read_text().split()


def test_libraries_are_read_from_the_loader_s_output():
    listing = "\tlinux-vdso.so.1 (0x7ff)\n\tlibz.so.1 => /x/libz.so.1 (0x7f0)\n\t/lib64/ld-linux-x86-64.so.2 (0x7f1)\n"
    assert rootfs.linked(listing) == {Path("/x/libz.so.1")}
    with pytest.raises(GuestImageError, match=r"libgone\.so\.1"):
        rootfs.linked("\tlibgone.so.1 => not found\n")


def test_the_kernel_is_the_dependency_of_the_meta_package():
    listing = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n  Suggests: linux-doc\n"
    assert packages.kernel_package(listing) == "linux-image-6.1.0-56-cloud-amd64"
    with pytest.raises(GuestImageError, match="no kernel"):
        packages.kernel_package("")


def test_only_tools_and_libraries_are_downloaded_not_what_their_packages_want_installed():
    listing = "dropbear-bin\n  Depends: libc6\n |Depends: other\nlibc6\nzlib1g\n<virtual>\nlibc6:i386\ndebconf\ntar\n"
    assert packages.closure(listing) == ["dropbear-bin", "libc6", "zlib1g"]


@pytest.mark.parametrize("folder", ["sbin", "usr/sbin"])
def test_a_program_is_found_in_its_package_wherever_the_release_has_it(tmp_path: Path, folder: str):
    for package in ("util-linux", "busybox"):
        (tmp_path / package / folder).mkdir(parents=True)
        (tmp_path / package / folder / "mkfs").touch()
    assert rootfs.program(tmp_path, "util-linux/sbin/mkfs") == tmp_path / "util-linux" / folder / "mkfs"
    with pytest.raises(GuestImageError, match="not as expected"):
        rootfs.program(tmp_path, "util-linux/sbin/blkid")


@pytest.mark.parametrize("name", ["curl", "nc.traditional", "lsblk", "blkid", "mkfs", "mkfs.ext4", "mkfs.vfat", "ssh"])
def test_commands_that_cirros_has_and_busybox_lacks_are_in_the_guest(name: str):
    assert name in {path.rpartition("/")[2] for path in (*rootfs.PROGRAMS, *rootfs.NAMES)}


def test_the_shell_is_not_the_busybox_that_prefers_its_own_applets():
    assert rootfs.PROGRAMS["bin/sh"].startswith("busybox/")


def called(script: str, *arguments: str, folder: Path, codes: str = "0") -> list[list[str]]:
    """Run a script of the guest with a netcat that notes its arguments and ends with one code after the other."""
    netcat = folder / "nc.traditional"
    netcat.write_text(
        f"""#!/bin/sh
for word; do printf '%s\\n' "$word" >>{folder}/noted; done
echo --end-- >>{folder}/noted
set -- {codes}
shift $(($(grep -c -e --end-- {folder}/noted) - 1))
exit $1
"""
    )
    netcat.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    subprocess.run(["sh", rootfs.OVERLAY / script, *arguments], env=environment, timeout=20, check=False)
    calls = (folder / "noted").read_text().split("--end--\n")[:-1]
    return [call.splitlines() for call in calls]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-z", "-w", "2", "10.0.0.1", "80"], ["-z", "-w", "2", "10.0.0.1", "80"]),
        (["-p", "80", "-l", "-e", "echo", "it's me"], ["-p", "80", "-l", "-c", " 'echo' 'it'\\''s me'; :"]),
        (["10.0.0.1", "80", "-e", "/bin/cat"], ["10.0.0.1", "80", "-c", " '/bin/cat'; :"]),
    ],
)
def test_netcat_takes_the_arguments_of_its_program(tmp_path: Path, arguments: list[str], expected: list[str]):
    assert called("usr/bin/nc", *arguments, folder=tmp_path) == [expected]


@pytest.mark.parametrize("keep", [["-lk"], ["-l", "-k"], ["-kl"]])
def test_netcat_serves_one_client_after_another_until_it_fails_itself(tmp_path: Path, keep: list[str]):
    calls = called("usr/bin/nc", "-u", "-p", "80", *keep, "-e", "echo", "foolish", folder=tmp_path, codes="0 0 1")
    listen = [word for word in (option.replace("k", "") for option in keep) if word != "-"]
    assert calls == [["-u", "-p", "80", *listen, "-c", " 'echo' 'foolish'; :"]] * 3


def test_the_pid_of_a_card_s_dhcp_client_is_where_scripts_for_cirros_look():
    nics = (rootfs.OVERLAY / "usr/libexec/stackproof/nics").read_text()
    assert 'ln -sf "$pidfile" "/run/udhcpc.$nic.pid"' in nics
    assert cpio.link("var/run", "/run") in list(rootfs.base())


def test_marks_are_timed_and_a_missing_mark_is_an_error():
    speak = [sys.executable, "-c", f"print('{trial.TRIAL_OK}')"]
    assert set(trial.watch(speak, {"trial": trial.TRIAL_OK}, 20.0)) == {"trial"}
    with pytest.raises(GuestImageError, match="did not boot") as refusal:
        trial.watch([sys.executable, "-c", "print('panic')"], {"trial": trial.TRIAL_OK}, 20.0)
    assert "panic" in refusal.value.seen
