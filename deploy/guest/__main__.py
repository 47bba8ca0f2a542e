"""`python -m deploy.guest`: get or build the guest image, print its paths, and try it."""

import argparse
import sys
from pathlib import Path
from typing import TextIO

from deploy import inventory, paths
from deploy.errors import StackproofError
from deploy.guest import GuestImage, obtain
from deploy.guest.build import built
from deploy.guest.trial import try_out
from deploy.journal import JOURNAL


def main(arguments: list[str] | None = None) -> int:
    """Return exit code 0 with paths and times on stdout, or 1 with an error on stderr."""
    options = _parser().parse_args(arguments)
    JOURNAL.subscribe(lambda event: _say(sys.stderr, event.text))
    try:
        image = _image(options)
        for name in ("name", "disk", "kernel", "ramdisk", "disk_format", "checksum", "login"):
            _say(sys.stdout, f"{name:<12}{getattr(image, name) or '-'}")
        if options.try_it:
            for mark, seconds in try_out(image, options.accelerator).items():
                _say(sys.stdout, f"{mark:<12}{seconds:.1f} s")
    except StackproofError as error:
        _say(sys.stderr, str(error))
        return 1
    return 0


def _image(options: argparse.Namespace) -> GuestImage:
    cache = options.cache.expanduser()
    if options.inventory:
        image = inventory.load(options.inventory).image
        if image.file or image.url:
            return obtain(image, cache)
    return built(cache, fresh=options.fresh)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.guest", description=__doc__)
    parser.add_argument("--inventory", help="a file or a built-in name; the image it names is used")
    parser.add_argument("--cache", type=Path, default=paths.cache(), help="the folder of builds and downloads")
    parser.add_argument("--fresh", action="store_true", help="build again, with current packages")
    parser.add_argument("--try", action="store_true", dest="try_it", help="boot the image under QEMU and time it")
    parser.add_argument(
        "--accelerator", choices=("tcg", "kvm"), default="tcg", help="the accelerator for --try (default: tcg)"
    )
    return parser


def _say(stream: TextIO, text: str) -> None:
    stream.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
