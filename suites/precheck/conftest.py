"""Prechecks: `expect` also tells notes and tables."""

import pytest


@pytest.fixture
def expect(telling):
    return telling
