"""The order of steps: each after its required steps; circles and missing steps are refused."""

from collections.abc import Iterable

import pytest

from deploy import plan, steps
from deploy.errors import InventoryError
from deploy.step import Step
from fixtures import stages
from suites.harness.clusters import with_every_project


def step(name: str, *requires: str) -> Step:
    return Step(name, name, roles=("controller",), requires=requires)


def names(ordered: Iterable[Step]) -> list[str]:
    return [step.name for step in ordered]


def test_step_comes_after_its_required_steps():
    assert names(plan.order([step("c", "b"), step("b", "a"), step("a")])) == ["a", "b", "c"]


def test_circle_is_reported_with_all_its_steps():
    with pytest.raises(InventoryError, match="circle") as caught:
        plan.order([step("a", "c"), step("b", "a"), step("c", "b"), step("d")])
    assert sorted(set(str(caught.value).split(": ")[1].split(" -> "))) == ["a", "b", "c"]


def test_step_that_requires_itself_is_a_circle():
    with pytest.raises(InventoryError, match="circle: a -> a"):
        plan.order([step("a", "a")])


def test_missing_required_step_is_reported_with_the_requiring_step():
    with pytest.raises(InventoryError, match="step b requires nope, which does not exist"):
        plan.order([step("a"), step("b", "nope")])


def test_two_steps_of_one_name_are_refused():
    with pytest.raises(InventoryError, match="two steps are named a"):
        plan.order([step("a"), step("b"), step("a")])


def test_steps_begin_with_base_and_are_complete(site_of):
    site = site_of("lab")
    ordered = names(plan.order(steps.of(site.catalogue)))
    assert (ordered[0], ordered[-1]) == ("base", "tls")
    assert set(ordered) == {project.name for project in site.catalogue.projects}


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
def test_step_comes_after_the_services_it_uses(site_of, earlier, later):
    by_name = {step.name: step for step in steps.of(site_of("lab").catalogue)}

    def required(name: str) -> set[str]:
        return {name}.union(*(required(other) for other in by_name[name].requires))

    assert earlier in required(later)


@pytest.mark.parametrize("profile", ["lab", "two-node"])
def test_every_step_of_a_cluster_has_hosts(profile, site_of):
    site = site_of(profile)
    # The VIP step has no service and thus no hosts; it comes after Pacemaker's step.
    without = [step.name for step in steps.of(site.catalogue) if not site.catalogue.roles(step.name)]
    assert without == (["vip", "tls"] if profile == "lab" else [])


def test_every_step_is_a_stage(site_of):
    known = steps.of(site_of("lab").catalogue)
    assert [step.name for step in known if not hasattr(stages, step.name.replace("-", "_"))] == []


def test_cluster_without_a_vip_has_no_vip_steps(site_of):
    lab, single = (set(names(steps.of(site_of(with_every_project(name)).catalogue))) for name in ("lab", "two-node"))
    assert lab - single == {"pacemaker", "vip", "haproxy", "tls"}


def test_no_step_requires_an_absent_step(site_of):
    known = steps.of(site_of("two-node").catalogue)
    assert {name for step in known for name in step.requires} <= {step.name for step in known}
