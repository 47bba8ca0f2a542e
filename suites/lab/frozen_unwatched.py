"""The drill of frozen_memcached.py without a probed instance, so that it begins minutes sooner on a busy machine."""

import pytest
from frozen_memcached import FAULT, TestMemcachedFrozen, record  # noqa: F401 - the drill, which pytest finds here


@pytest.fixture(scope="session")
def workload():
    return None
