"""The order of steps: each after what it requires, none required that is not there, none in a circle, none left out."""

import pytest

from deploy import inventory, plan, steps
from deploy.errors import InventoryError
from deploy.step import Step
from fixtures import stages


def step(name: str, *requires: str, needs: tuple[str, ...] = ()) -> Step:
    return Step(name, name, roles=("controller",), requires=requires, needs=needs)


def names(ordered: list[Step]) -> list[str]:
    return [step.name for step in ordered]


def test_each_comes_after_what_it_requires():
    assert names(plan.order([step("c", "b"), step("b", "a"), step("a")])) == ["a", "b", "c"]


def test_a_circle_is_told_with_all_in_it():
    with pytest.raises(InventoryError, match="circle") as caught:
        plan.order([step("a", "c"), step("b", "a"), step("c", "b"), step("d")])
    assert sorted(set(str(caught.value).split(": ")[1].split(" -> "))) == ["a", "b", "c"]


def test_a_step_that_requires_itself_is_a_circle():
    with pytest.raises(InventoryError, match="circle: a -> a"):
        plan.order([step("a", "a")])


def test_a_requirement_that_does_not_exist_is_told_with_who_has_it():
    with pytest.raises(InventoryError, match="step b requires nope, which does not exist"):
        plan.order([step("a"), step("b", "nope")])


def test_two_steps_of_one_name_are_refused():
    with pytest.raises(InventoryError, match="two steps are named a"):
        plan.order([step("a"), step("b"), step("a")])


def test_a_step_this_cluster_does_not_have_is_left_out_and_keeps_nobody_back(site_of):
    all_steps = [step("a"), step("vip", "a", needs=("ha",)), step("b", "vip")]
    assert names(plan.of(site_of("lab"), all_steps)) == ["a", "vip", "b"]
    assert names(plan.of(site_of("two-node"), all_steps)) == ["a", "b"]


def test_our_own_steps_begin_with_base_and_all_are_there():
    ordered = names(plan.order(steps.ALL))
    assert ordered[0] == "base"
    assert len(ordered) == len(steps.ALL)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("galera", "keystone"),
        ("vip", "haproxy"),
        ("haproxy", "keystone"),
        ("keystone", "glance"),
        ("placement", "nova"),
        ("nova", "nova-compute"),
        ("neutron", "neutron-agents"),
        ("rabbitmq", "neutron"),
    ],
)
def test_what_needs_another_service_comes_after_it(earlier, later):
    by_name = {step.name: step for step in steps.ALL}

    def required(name: str) -> set[str]:
        return {name}.union(*(required(other) for other in by_name[name].requires))

    assert earlier in required(later)


@pytest.mark.parametrize("profile", ["lab", "two-node"])
def test_every_step_of_a_cluster_has_hosts(profile, site_of):
    site = site_of(profile)
    assert [step.name for step in plan.of(site, steps.ALL) if not site.hosts.role(*step.roles)] == []


def test_every_step_is_a_stage_that_suites_can_name():
    assert [step.name for step in steps.ALL if not hasattr(stages, step.name.replace("-", "_"))] == []


def test_the_deploy_tests_are_those_of_the_clusters_own_steps():
    features = inventory.load("two-node").features
    left_out = {step.name for step in steps.ALL if not set(step.needs) <= features}
    assert left_out == {"pacemaker", "vip", "haproxy"}
