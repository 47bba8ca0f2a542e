"""Redaction: a secret that any layer throws, prints or attaches is in no output of a run."""

import base64
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from deploy.masking import ANYBODYS, MASK, masked, spellings

ROOT = Path(__file__).parents[3]
SECRET = "S3cret/p+ss w\"rd'§"
TOKEN = "gAAAAABn" + "x-Y_" * 20
SAMPLES = {
    "conftest.py": """
import os
import pytest
from deploy.journal import JOURNAL
from deploy.masking import masked

SECRET = os.environ["SAMPLE_SECRET"]
JOURNAL.redact = lambda text: masked(text, [SECRET])

def pytest_runtest_setup(item):
    if item.name == "test_of_a_plug_in":
        raise RuntimeError(f"a plug-in says {SECRET}")
""",
    "test_broken.py": """
import os
raise ImportError("while collecting: " + os.environ["SAMPLE_SECRET"])
""",
    "test_thrown.py": """
import base64
import os
import sys
import warnings
from urllib.parse import quote

import allure
import pytest

SECRET = os.environ["SAMPLE_SECRET"]
TOKEN = os.environ["SAMPLE_TOKEN"]

def execute(command, stdin):
    local = "local " + SECRET
    raise MemoryError("cannot start a thread")

def test_argument_and_local():
    execute("mariadb", b"x" * 300 + f"IDENTIFIED BY '{SECRET}'".encode())

def test_message():
    raise OSError(f"http://admin:{quote(SECRET, safe='')}@vip/v3 refused")

def test_encoded_message():
    raise OSError("Basic " + base64.b64encode(f"admin:{SECRET}".encode()).decode())

def test_chain():
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ValueError("from " + SECRET) from error

def test_comparison():
    assert {"password": SECRET} == {"password": "another"}

def test_token():
    raise OSError("X-Auth-Token: " + TOKEN)

def test_printed():
    print("to stdout", SECRET)
    print("to stderr", SECRET, file=sys.stderr)
    assert False

def test_warned():
    warnings.warn("deprecated: " + SECRET)

def test_attached():
    allure.attach("text " + SECRET, name="text")
    allure.attach(("bytes " + SECRET).encode() + b"\\xff", name="bytes")
    with allure.step("step with " + SECRET):
        allure.dynamic.description("described: " + SECRET)

@pytest.fixture
def setup():
    raise RuntimeError("in setup " + SECRET)

@pytest.fixture(scope="module")
def teardown():
    yield
    raise RuntimeError("in teardown " + SECRET)

def test_setup(setup):
    pass

def test_teardown(teardown):
    pass

def test_skipped():
    pytest.skip("because of " + SECRET)

def test_recorded(record_property):
    record_property("seen", SECRET)

def test_of_a_plug_in():
    pass
""",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """All output of a run of the samples, by where it is."""
    folder = tmp_path_factory.mktemp("redaction")
    for name, text in SAMPLES.items():
        (folder / name).write_text(text)
    plugins = [
        "-p",
        "no:stackproof",
        "-p",
        "fixtures.redaction",
        "-p",
        "fixtures.allure_listener",
        "-p",
        "no:cacheprovider",
    ]
    own = ["-c", "/dev/null", f"--rootdir={folder}", "--showlocals", "-rA", f"--alluredir={folder / 'allure'}"]
    command = [sys.executable, "-m", "pytest", *plugins, *own, f"--junitxml={folder / 'junit.xml'}", str(folder)]
    environment = {"PATH": "", "SAMPLE_SECRET": SECRET, "SAMPLE_TOKEN": TOKEN, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [*command, "--continue-on-collection-errors"], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    files = [folder / "junit.xml", *(folder / "allure").iterdir()]
    return {"terminal": done.stdout + done.stderr, **{path.name: path.read_bytes() for path in files}}


def test_every_layer_said_something(written):
    terminal = written["terminal"].decode()
    assert "7 failed, 4 passed, 1 skipped, 2 warnings, 4 errors" in terminal, terminal
    assert len(written) > 10


@pytest.mark.parametrize("secret", [SECRET, TOKEN])
def test_no_output_has_a_secret(written, secret):
    forms = {each.encode() for each in spellings(secret)}
    assert {where: form for where, text in written.items() for form in forms if form in text} == {}


def test_values_of_variables_are_not_in_a_traceback(written):
    shown = (b"stdin = b'xxx", b"local      = ")
    assert {where for where, text in written.items() if any(value in text for value in shown)} == set()


# -- the mask --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"http://u:{quote(SECRET, safe='')}@h/",
        *(base64.b64encode(("x" * before + SECRET + "y" * 5).encode()).decode() for before in range(6)),
        *(base64.urlsafe_b64encode(("x" * before + SECRET).encode()).decode() for before in range(3)),
        repr({"password": SECRET}),
    ],
)
def test_every_spelling_is_masked(text):
    hidden = masked(text, [SECRET])
    assert MASK in hidden
    assert not [form for form in spellings(SECRET) if form in hidden]


def test_a_short_secret_is_masked_as_a_word_only():
    assert masked("on, only, -on- and once", ["on"]) == f"{MASK}, only, -{MASK}- and once"


def test_of_two_secrets_the_longer_one_is_masked_first():
    assert masked("secret-and-more", ["secret", "secret-and-more"]) == MASK


@pytest.mark.parametrize(
    "text",
    [
        f"X-Auth-Token: {TOKEN}",
        "Authorization: Basic YWRtaW46c2VjcmV0",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----",
    ],
)
def test_credentials_of_anybody_are_masked_by_their_shape(text):
    assert ANYBODYS.search(text)
    assert MASK in masked(text)


def test_other_text_stays():
    assert masked("Basic settings; the gAAAA of it", ["another"]) == "Basic settings; the gAAAA of it"
