"""State: a run that applies builds the cluster before the checks; any other run checks the cluster as it stands."""

from pathlib import Path

from fixtures.options import mode


def pytest_collection_modifyitems(config, items):
    if mode(config) != "apply":
        return
    for item in items:
        # Fixtures are added after collection: pytest drops earlier additions from parametrised tests.
        if item.path.parent == Path(__file__).parent and "deployment" not in item.fixturenames:
            item.fixturenames.insert(0, "deployment")
