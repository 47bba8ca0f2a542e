"""Files: each is what the templates say, to the letter, with owner and mode; keys are the same on all members."""

from functools import cache

import pytest

from deploy.facts import defects, files, finding
from deploy.facts.files import File
from deploy.facts.members import most
from deploy.journal import JOURNAL
from fixtures.checks.subjects import SHARED_KEYS

KEYS = [path for paths in SHARED_KEYS.values() for path in paths]


@pytest.mark.own
def test_it_says_what_the_template_says(readings, file, standing, expect):
    reader = readings.reader(file.node)
    found = found_on(readings, readings.generation)
    asked = readings.together(
        {"files": lambda: files.seen(reader, file.all), "found": lambda: found.possible(file.node.name)}
    )
    there = asked["files"].get(file.path)
    expect.that(file.path, there is not None, seen="no file", expected="one", look="python -m deploy plan")
    # Which virtualisation works is forgotten when a host boots; then its file may name either.
    wanted = [texts(standing, file.node.name, file.service.name, possible)[file.path] for possible in asked["found"]]
    if there.digest in {files.digest(one) for one in wanted}:
        return
    shown = files.difference(wanted[0], reader.check("cat -- %s", file.path), JOURNAL.redact)
    expect(file.path, f"another text\n{shown}", "what its template says", file.path)


@cache
def found_on(readings, generation):
    """What the computes were found to be; asked anew once anything was changed."""
    computes = [node.name for node in readings.members("nova-compute")]
    return finding.read(computes, lambda reading: readings.everywhere(reading, service="nova-compute"))


@cache  # a service's files are rendered together, and not anew for each of their checks
def texts(standing, node, service, found):
    return {
        one.path: one.text for one in standing.render(standing.hosts[node].node, [standing.catalogue[service]], found)
    }


@pytest.mark.own
def test_it_has_its_owner_and_mode(reader, file, expect):
    there = files.seen(reader, file.all).get(file.path, File())
    expect(
        f"owner and mode of {file.path}",
        f"{there.owner} {there.mode}".strip(),
        f"{file.owner} {file.mode.lstrip('0')}",
        f"ls -l {file.path}",
    )


@pytest.mark.own
def test_a_folder_of_ours_holds_nothing_else(reader, whole_folder, expect):
    there = files.seen(reader, [whole_folder.path])
    expect(
        f"files in {whole_folder.path} that no template names",
        set(there) - whole_folder.files,
        set(),
        f"ls -l {whole_folder.path}; a build removes them",
    )


def test_what_is_wrong_in_a_package_is_mended(reader, defect, expect):
    known = defect.known
    expect.that(
        known.path,
        known not in defects.left(reader, [known]),
        seen=f"`{known.line.strip()}`",
        expected=f"`{known.mended.strip()}`: {known.why}",
        look=f"{known.path}; a build mends it",
    )


def test_all_members_have_the_same_key(everywhere, shared_key, expect):
    key = shared_key.path
    held = {
        name: tuple(sorted((path, file.digest) for path, file in seen.items() if path.startswith(key)))
        for name, seen in everywhere(keys, service=shared_key.service).items()
    }
    own = held[shared_key.node.name]
    expect.that(key, bool(own), seen="no key", expected="one", look=f"ls -l {key}")
    expect.that(
        f"keys at {key}, by digest",
        own == most(held.values(), ()),
        seen="others than most members have",
        expected="the same on every member",
        look=f"sha256sum of {key} on each member",
    )


def test_a_key_is_its_owners_alone(reader, shared_key, expect):
    key = shared_key.path
    open_ = {
        path: file.mode
        for path, file in keys(reader).items()
        if path.startswith(key) and file.mode not in {"400", "600"}
    }
    expect.that(f"modes of keys at {key}", not open_, seen=open_, expected="400 or 600", look=f"ls -l {key}")


@pytest.mark.parametrize("folder", SHARED_KEYS["keystone"])
def test_a_folder_of_keys_is_its_owners_alone(host, keystone_host, folder, expect):
    expect(f"mode of {folder}", f"{host.file(folder).mode:o}", "700", f"ls -ld {folder}")


def keys(reader):
    return files.seen(reader, KEYS)
