"""Every machine can install the packages of its roles."""

import pytest

from deploy import catalogue
from deploy.facts import packages

pytestmark = pytest.mark.precheck


def _wanted(standing, node):
    return set(catalogue.packages(standing.catalogue.on(node)))


def _missing(reader, standing, node):
    script = standing.platform.manager.installed
    return packages.offer(reader, script, _wanted(standing, node)).missing


def test_every_package_is_offered(node, reader, standing, expect):
    offer = packages.offer(reader, standing.platform.manager.available, _wanted(standing, node))
    if offer.missing and not offer.known:
        expect.note(f"has no package lists yet; the build fetches them, for {len(offer.missing)} packages")
        return
    expect("packages that no package source offers", offer.missing, (), look="package sources; options.package_sources")


def test_package_sources_answer(node, reader, standing, expect):
    if not _missing(reader, standing, node):
        expect.note("has every package already; its package sources were not tried")
        return
    lines = standing.cluster.options.package_sources
    reached = packages.sources(reader, standing.platform.manager.sources, lines)
    failed = {index: why for index, why in reached.items() if why}
    look = "options.package_sources, proxy, routes, DNS"
    expect.that("package sources", bool(reached), seen="none", expected="at least one", look=look)
    expect("package sources that do not answer", failed, {}, look=look)
