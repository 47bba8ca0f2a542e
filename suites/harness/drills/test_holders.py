"""Who holds the VIP: two at once only where both were seen to have it over the same time."""

from fixtures.drills.run.holders import HolderAnswer, observations


def looks(*answers: tuple[float, bool]) -> list[HolderAnswer]:
    return [HolderAnswer(at, at + 0.1, has) for at, has in answers]


def most(seen) -> int:
    return max(len(hosts) for _, hosts in seen)


def test_a_vip_that_moves_was_on_one_at_a_time():
    seen = observations({"a": looks((1, True), (2, True), (3, False)), "b": looks((1, False), (2.5, True), (3, True))})
    assert most(seen) == 1
    assert seen[-1][1] == {"b"}


def test_two_that_have_it_over_the_same_time_are_seen():
    seen = observations({"a": looks((1, True), (2, True), (3, True)), "b": looks((1.5, True), (2.5, True))})
    assert (2.05, frozenset({"a", "b"})) in seen


def test_a_host_that_fell_silent_does_not_hold_it_for_ever():
    seen = observations({"a": looks((1, True), (2, True)), "b": looks((4, True), (9, True), (12, True))})
    assert most(seen) == 1
    assert seen[-1][1] == {"b"}


def test_a_host_that_lost_its_power_did_not_have_it_in_between():
    seen = observations({"a": looks((1, True), (30, True)), "b": looks((10, True), (11, True), (12, False))})
    assert most(seen) == 1


def test_in_the_end_it_may_be_nowhere():
    assert observations({"a": looks((1, True), (2, False)), "b": looks((2, False))})[-1][1] == frozenset()


def test_of_nothing_nothing_is_said():
    assert observations({"a": [], "b": []}) == ()
