"""Members: the most frequent answer wins, and a member that does not answer does not count."""

from deploy.facts.members import most


def test_the_most_frequent_answer_wins():
    assert most(["b", "a", "b"], "") == "b"


def test_a_member_that_does_not_answer_does_not_count():
    assert most(["", "", "a"], "") == "a"


def test_without_any_answer_there_is_no_answer():
    assert most(["", ""], "") == ""
    assert most([], None) is None


def test_unhashable_answers_are_counted():
    assert most([{"a": 1}, {}, {"b": 2}, {"b": 2}], {}) == {"b": 2}
