"""Members: most decide, and who does not answer has no vote."""

from deploy.facts.members import most


def test_most_decide():
    assert most(["b", "a", "b"], "") == "b"


def test_who_does_not_answer_has_no_vote():
    assert most(["", "", "a"], "") == "a"


def test_where_nobody_answers_there_is_no_answer():
    assert most(["", ""], "") == ""
    assert most([], None) is None


def test_what_cannot_be_hashed_is_counted_as_well():
    assert most([{"a": 1}, {}, {"b": 2}, {"b": 2}], {}) == {"b": 2}
