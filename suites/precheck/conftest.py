"""Prechecks: `expect` can also add notes and tables to the summary."""

import pytest


@pytest.fixture
def expect(telling):
    return telling
