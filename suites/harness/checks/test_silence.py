"""Silence: a check turns red where it hears no answer; it never takes silence, an error or garbage for a good state."""

import pytest
from _pytest.outcomes import Failed, Skipped

from deploy.errors import StackproofError
from suites.harness.clusters import with_every_feature
from suites.harness.state_checks import StandIns, bound

SILENCE = {
    "nothing": (0, ""),
    "an error": (1, ""),
    "garbage": (0, "garbage\n"),
    "a table of garbage": (0, "a b\tc\td\n1 2 3 4\n"),
    "garbage and an error": (1, "garbage\n"),
    "an API that lists nothing": (1, ""),
}
"""Exit codes and outputs of every host for every command; no API answers, except for the last kind."""
EMPTY = "a cluster may rightly have none of what this check lists"
ALLOWED = {
    "an API that lists nothing": {
        "test_glance::test_every_image_is_active": EMPTY,
    },
}
"""Checks that pass without an answer, and the reason, by the kind of silence."""


class Nothing:
    """A cloud whose every list is empty."""

    def __getattr__(self, _):
        return self

    def __call__(self, *_, **__):
        return self

    def __getitem__(self, _):
        return self

    def __iter__(self):
        return iter(())


def unmoved(readings, about=None):
    """The checks that pass, or break off without a word on what is not known; those of one node with `about`."""
    found = set()
    for check, _, node, call in bound(readings):
        if about in {None, node and node.name}:
            try:
                call()
                found.add(check)
            except (Failed, Skipped, StackproofError):
                pass
            except Exception as error:
                found.add(f"{check} breaks off with {type(error).__name__}")
    return found


@pytest.mark.parametrize("kind", SILENCE)
def test_no_check_takes_silence_for_a_good_state(kind, site_of):
    api = Nothing() if kind == "an API that lists nothing" else None
    readings = StandIns(site_of(with_every_feature()), lambda _: SILENCE[kind], api)
    assert unmoved(readings) == ALLOWED.get(kind, {}).keys()


OTHERS = {
    "controller02": {"crm_mon": ("pacemaker", "one-offline"), "cibadmin": ("pacemaker", "cib")},
    "controller03": {"endpoint status": ("etcd", "one-missing"), "rabbit_policy:list": ("rabbitmq", "one-silent")},
}
"""Members that do not answer, and the recordings of what the others say, by a part of the command."""
SAID_BY_OTHERS = {
    "test_pacemaker::test_no_resource_action_failed": "the others list the failed actions of every member",
    "test_pacemaker::test_fence_device_runs_on_another_member": "the others run the device",
}
"""Checks about a silent member that pass, and the reason."""


@pytest.mark.parametrize("silent", OTHERS)
def test_no_check_of_a_silent_member_passes_because_others_answer(silent, site_of, recording):
    def answers(command):
        case = next((case for part, case in OTHERS[silent].items() if part in command.text), None)
        return (0, recording(*case)) if case and command.host != silent else (1, "")

    assert unmoved(StandIns(site_of("lab"), answers), silent) - SAID_BY_OTHERS.keys() == set()
