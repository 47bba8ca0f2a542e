"""State: the cluster is built before where this run applies; any other run checks it as it stands."""

from pathlib import Path

from fixtures.options import mode


def pytest_collection_modifyitems(config, items):
    if mode(config) != "apply":
        return
    for item in items:
        # Once collected: of a check that runs for each subject, pytest forgets earlier what it was not written with.
        if item.path.parent == Path(__file__).parent and "deployment" not in item.fixturenames:
            item.fixturenames.insert(0, "deployment")
