"""Package sources of the lab come from this machine's apt configuration."""

import pytest

from deploy.errors import LabError
from deploy.inventory import load
from deploy.lab import sources
from deploy.platforms import load as load_platform

RECORDED = """\
http://mirror.example/debian/|bookworm|main|bookworm|Debian
http://mirror.example/debian/|bookworm|contrib|bookworm|Debian
http://mirror.example/debian/|bookworm-updates|main|bookworm-updates|Debian
http://mirror.example/security/|bookworm-security|main|bookworm-security|Debian
http://mirror.example/debian/|trixie|main|trixie|Debian
https://vendor.example/apt/|bookworm|main|bookworm|Vendor
https://flat.example/|||$(CODENAME)|
"""


def test_only_debian_s_sources_of_the_release_are_used():
    assert sources.parse(RECORDED, "bookworm") == (
        "deb http://mirror.example/debian/ bookworm main contrib",
        "deb http://mirror.example/debian/ bookworm-updates main",
        "deb http://mirror.example/security/ bookworm-security main",
    )


@pytest.mark.parametrize(
    "listing", ["", "\n\n", "E: no such format", "a|b|c", "http://x/|bookworm|main|bookwormish|Debian"]
)
def test_a_listing_without_a_usable_source_yields_none(listing):
    assert sources.parse(listing, "bookworm") == ()


def test_a_duplicate_component_is_used_once():
    line = "http://m/|bookworm|main|bookworm|Debian\n"
    assert sources.parse(line * 2, "bookworm") == ("deb http://m/ bookworm main",)


def test_settings_that_affect_fetching_are_kept():
    dump = """\
Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::Proxy "";
Acquire::Check-Valid-Until "false";
Acquire::Changelogs::URI::Origin::Debian "https://changelogs.example/";
Acquire::IndexTargets::deb::Packages::Optional "0";
Acquire::Retries "3";
"""
    assert sources.relevant(dump) == (
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::Check-Valid-Until "false";',
        'Acquire::Retries "3";',
    )


def test_a_machine_without_sources_is_an_error_with_a_hint(monkeypatch):
    monkeypatch.setattr(sources, "run", lambda *_: "")
    with pytest.raises(LabError, match="no package sources for bookworm") as caught:
        sources.find(load("lab"), load_platform("debian-12"))
    assert "options.package_sources" in caught.value.hint
