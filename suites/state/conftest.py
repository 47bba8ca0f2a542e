"""State: the cluster is built before where this run applies; any other run checks it as it stands."""

from fixtures.options import mode


def pytest_generate_tests(metafunc):
    if mode(metafunc.config) == "apply":
        metafunc.fixturenames.insert(0, "deployment")
