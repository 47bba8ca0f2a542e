"""Trust: the bundle is made again where it lacks an authority, and only then."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from deploy import platforms
from deploy.making import trust
from deploy.render import Rendered

FOLDER = "/usr/local/share/ca-certificates"


@pytest.mark.parametrize(("known", "changes"), [(True, []), (False, ["update-ca-certificates"])])
def test_the_bundle_is_made_where_it_lacks_an_authority(known, changes):
    asked, made = [], []

    def run(command, *words, stdin):
        asked.append((command % words, stdin))
        return SimpleNamespace(ok=known)

    host = SimpleNamespace(run=run, change=lambda _, script, **__: made.append(script))
    files = [
        Rendered(path, "x", "root:root", "0644", ()) for path in ("/etc/hosts", f"{FOLDER}/a.crt", f"{FOLDER}/b.crt")
    ]
    trust.ensure(host, platforms.load("debian-12"), files)
    command = f"exec python3 - /etc/ssl/certs/ca-certificates.crt {FOLDER}/a.crt {FOLDER}/b.crt"
    assert (asked, made) == ([(command, trust._KNOWN)], changes)


def test_a_host_without_authorities_is_not_asked():
    trust.ensure(None, platforms.load("debian-12"), [Rendered("/etc/hosts", "x", "root:root", "0644", ())])


@pytest.mark.parametrize(("bundle", "code"), [("one\ntwo\nthree\n", 0), ("one\nthree\n", 1)])
def test_the_bundle_has_the_text_of_each_file(tmp_path, bundle, code):
    for name, text in {"bundle": bundle, "a.crt": "two\n", "b.crt": "three\n"}.items():
        (tmp_path / name).write_text(text)
    words = [sys.executable, "-", *(str(tmp_path / name) for name in ("bundle", "a.crt", "b.crt"))]
    assert subprocess.run(words, input=trust._KNOWN, text=True, check=False).returncode == code
