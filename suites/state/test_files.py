"""Files: each has its template's text, owner and mode; shared keys are the same on all members."""

from functools import cache

import pytest

from deploy.facts import computes, defects, files
from deploy.facts.files import File
from deploy.facts.members import most
from deploy.journal import JOURNAL
from fixtures.checks.subjects import SHARED_KEYS

KEYS = [path for paths in SHARED_KEYS.values() for path in paths]


@pytest.mark.own
def test_file_matches_its_template(readings, file, standing, expect):
    reader = readings.reader(file.node)
    found = found_on(readings, readings.generation)
    asked = readings.together(
        {"files": lambda: files.read(reader, file.all), "found": lambda: found.possible(file.node.name)}
    )
    status = asked["files"].get(file.path)
    expect.that(file.path, status is not None, seen="no file", expected="a file", look="python -m deploy plan")
    # A reboot loses the record of which virtualisation works; until the next trial either text is right.
    wanted = [texts(standing, file.node.name, file.service.name, possible)[file.path] for possible in asked["found"]]
    if status.digest in {files.digest(text) for text in wanted}:
        return
    difference = files.difference(wanted[0], reader.check("cat -- %s", file.path), JOURNAL.redact)
    expect(file.path, f"another text\n{difference}", "the text of its template", file.path)


@cache
def found_on(readings, generation):
    """The facts of the computes that templates need; read again in each generation of readings."""
    names = [node.name for node in readings.members("nova-compute")]
    return computes.read(names, lambda reading: readings.everywhere(reading, service="nova-compute"))


@cache  # one rendering of a service serves the checks of all its files
def texts(standing, node, service, found):
    rendered = standing.render(standing.hosts[node].node, [standing.catalogue[service]], found)
    return {file.path: file.text for file in rendered}


@pytest.mark.own
def test_file_has_its_owner_and_mode(reader, file, expect):
    status = files.read(reader, file.all).get(file.path, File())
    expect(
        f"owner and mode of {file.path}",
        f"{status.owner} {status.mode}".strip(),
        f"{file.owner} {file.mode.lstrip('0')}",
        f"ls -l {file.path}",
    )


@pytest.mark.own
def test_folder_holds_no_foreign_file(reader, whole_folder, expect):
    present = expect.known(f"files in {whole_folder.path}", files.read(reader, [whole_folder.path]))
    expect(
        f"files in {whole_folder.path} that belong to no template",
        set(present) - whole_folder.files,
        set(),
        f"ls -l {whole_folder.path}; a build removes them",
    )


def test_package_defect_is_patched(reader, defect, standing, expect):
    known = defect.known
    expect.that(
        known.path,
        known not in defects.left(reader, defects.known(standing.platform, standing.catalogue)),
        seen=f"`{known.line.strip()}`",
        expected=f"`{known.mended.strip()}`: {known.why}",
        look=f"{known.path}; a build patches it",
    )


def test_key_is_the_same_on_all_members(everywhere, shared_key, expect):
    key = shared_key.path
    held = {
        name: tuple(sorted((path, file.digest) for path, file in present.items() if path.startswith(key)))
        for name, present in everywhere(keys, service=shared_key.service).items()
    }
    own = held[shared_key.node.name]
    expect.that(key, bool(own), seen="no key", expected="a key", look=f"ls -l {key}")
    expect.that(
        f"keys at {key}, by digest",
        own == most(held.values(), ()),
        seen="keys that differ from those of most members",
        expected="the same keys on every member",
        look=f"sha256sum of {key} on each member",
    )


def test_key_is_accessible_to_its_owner_only(reader, shared_key, expect):
    key = shared_key.path
    modes = {path: file.mode for path, file in keys(reader).items() if path.startswith(key)}
    expect.known(f"modes of keys at {key}", modes, f"ls -l {key}")
    open_ = {path: mode for path, mode in modes.items() if mode not in {"400", "600"}}
    expect.that(f"modes of keys at {key}", not open_, seen=open_, expected="400 or 600", look=f"ls -l {key}")


@pytest.mark.parametrize("folder", SHARED_KEYS["keystone"])
def test_key_folder_is_accessible_to_its_owner_only(host, keystone_host, folder, expect):
    expect(f"mode of {folder}", host.run("stat -c %%a %s", folder).stdout.strip(), "700", f"ls -ld {folder}")


def keys(reader):
    return files.read(reader, KEYS)
