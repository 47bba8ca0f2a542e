"""The reference is what the code says today."""

from fixtures import reference


def test_the_reference_is_current():
    assert reference.FILE.read_text() == reference.text(), "run python -m fixtures.reference"
