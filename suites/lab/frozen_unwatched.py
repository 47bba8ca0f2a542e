"""As frozen_memcached.py, with no instance to watch, so that it is begun minutes sooner on a busy machine."""

import pytest
from frozen_memcached import FAULT, TestMemcachedFrozen, record  # noqa: F401 - the drill, which pytest finds here


@pytest.fixture(scope="session")
def workload():
    return None
