"""Holders of the VIP: two at once only where both had it in overlapping times."""

from fixtures.drills.run.holders import HolderAnswer, observations


def answers(*given: tuple[float, bool]) -> list[HolderAnswer]:
    return [HolderAnswer(at, at + 0.1, has) for at, has in given]


def most(observed) -> int:
    return max(len(hosts) for _, hosts in observed)


def test_a_vip_that_moves_was_on_one_host_at_a_time():
    observed = observations(
        {"a": answers((1, True), (2, True), (3, False)), "b": answers((1, False), (2.5, True), (3, True))}
    )
    assert most(observed) == 1
    assert observed[-1][1] == {"b"}


def test_two_hosts_with_the_vip_in_overlapping_times_are_reported():
    observed = observations({"a": answers((1, True), (2, True), (3, True)), "b": answers((1.5, True), (2.5, True))})
    assert (2.05, frozenset({"a", "b"})) in observed


def test_a_host_that_stopped_answering_does_not_hold_the_vip_for_ever():
    observed = observations({"a": answers((1, True), (2, True)), "b": answers((4, True), (9, True), (12, True))})
    assert most(observed) == 1
    assert observed[-1][1] == {"b"}


def test_a_host_without_an_answer_for_long_did_not_have_the_vip_in_between():
    observed = observations({"a": answers((1, True), (30, True)), "b": answers((10, True), (11, True), (12, False))})
    assert most(observed) == 1


def test_the_vip_may_be_on_no_host_in_the_end():
    assert observations({"a": answers((1, True), (2, False)), "b": answers((2, False))})[-1][1] == frozenset()


def test_without_answers_there_are_no_observations():
    assert observations({"a": [], "b": []}) == ()
