"""Messages as they are cut, and as people see them."""

from app.queue.messages import SHOWN_JOBS, JobRef, message_summary


def test_a_message_is_shown_with_its_jobs_by_model() -> None:
    """In the order in which they were submitted."""
    calls = [JobRef("1", "polynomial"), JobRef("2", "mine"), JobRef("3", "polynomial")]
    assert message_summary(calls) == "polynomial: 1, 3; mine: 2"


def test_of_a_full_message_the_first_jobs_are_shown() -> None:
    """Each message's words are sent along as events, too."""
    shown = message_summary([JobRef(str(number), "m") for number in range(SHOWN_JOBS + 2)])
    assert shown.endswith(f", {SHOWN_JOBS - 1}; and 2 more")
