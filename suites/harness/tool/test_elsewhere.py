"""A cloud known by its clouds.yaml: which of its clouds is meant, and what a user is told who names a wrong one."""

import pytest

from deploy.errors import InventoryError
from fixtures.elsewhere import CloudsFile, is_file_of_clouds

CLOUD = (
    "  {}:\n    auth: {{auth_url: 'https://cloud.example.org:5000/v3', username: u, password: p, project_name: p}}\n"
)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a clouds.yaml with some clouds; no cloud is chosen."""
    monkeypatch.delenv("OS_CLOUD", raising=False)

    def write(*names, text=""):
        path = tmp_path / "clouds.yaml"
        path.write_text(text or "clouds:\n" + "".join(CLOUD.format(name) for name in names))
        return CloudsFile(path)

    return write


@pytest.mark.parametrize(
    ("named", "is_file"),
    [("clouds.yaml", True), ("~/a.yml", True), ("lab", False), ("lab.toml", False), (None, False), ("", False)],
)
def test_file_of_clouds_is_known_by_its_suffix(named, is_file):
    assert is_file_of_clouds(named) == is_file


def test_only_cloud_is_meant(file):
    assert file("one").name == "one"


def test_os_cloud_chooses(file, monkeypatch):
    monkeypatch.setenv("OS_CLOUD", "two")
    assert file("one", "two").name == "two"


def test_several_clouds_without_os_cloud_are_refused_with_their_names(file):
    with pytest.raises(InventoryError, match="which cloud") as raised:
        file("two", "one").name  # noqa: B018
    assert raised.value.expected == "OS_CLOUD with one of one, two"


@pytest.mark.parametrize("names", [("one",), ("one", "two")])
def test_cloud_that_the_file_lacks_is_refused(file, monkeypatch, names):
    monkeypatch.setenv("OS_CLOUD", "three")
    with pytest.raises(InventoryError) as raised:
        file(*names).name  # noqa: B018
    assert raised.value.seen == "OS_CLOUD=three"


@pytest.mark.parametrize("text", ["clouds: {}\n", "\n", "a: b\n", "clouds: [\n"])
def test_file_without_clouds_is_refused(file, text):
    with pytest.raises(InventoryError) as raised:
        file(text=text).name  # noqa: B018
    assert raised.value.expected == "clouds: with at least one cloud"


@pytest.mark.parametrize("text", ["[1, 2]\n", "clouds:\n", "clouds: text\n", "just words\n"])
def test_file_that_is_no_clouds_yaml_is_refused(file, text):
    with pytest.raises(InventoryError, match=r"clouds\.yaml"):
        file(text=text).name  # noqa: B018


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InventoryError, match="no such file"):
        CloudsFile(tmp_path / "clouds.yaml").name  # noqa: B018
