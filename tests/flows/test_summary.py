import pytest

from flows import summary as summaries
from flows.summary import Summary, headline, overall_exit_code, page, publish
from tasks.shards import Outcome, Status


def ended(*statuses: Status) -> Summary:
    outcomes = tuple(Outcome(item=f"{i}.wav", status=status) for i, status in enumerate(statuses))
    return Summary(stage="remix", outcomes=outcomes, seconds=1.25)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (("done", "skipped", "unchanged", "unavailable"), 0),
        ((), 0),
        (("done", "failed"), 3),
        (("skipped", "failed"), 3),
        (("failed",), 1),
        (("failed", "failed"), 1),
        (("unavailable", "unavailable"), 1),
        (("unavailable", "failed"), 1),
    ],
)
def test_the_exit_code_tells_all_from_some_from_none(statuses: tuple[Status, ...], code: int) -> None:
    assert ended(*statuses).exit_code == code
    assert overall_exit_code([ended(*statuses)]) == code


GOOD, SOME, NONE = ended("done"), ended("done", "failed"), ended("failed")


@pytest.mark.parametrize(
    ("stages", "code"),
    [
        ([GOOD, GOOD], 0),
        ([SOME, GOOD], 3),
        ([NONE, GOOD], 3),
        ([GOOD, SOME], 3),
        ([GOOD, NONE], 1),
        ([SOME, NONE], 1),
    ],
)
def test_a_night_was_in_vain_only_if_its_last_stage_was(stages: list[Summary], code: int) -> None:
    failed = tuple(outcome for stage in stages for outcome in stage.failed)
    overview = Summary(stage="nightly", outcomes=failed, seconds=2.0)  # it lists failures alone
    assert overall_exit_code([*stages, overview]) == code


def test_the_record_names_every_failure_and_every_fact() -> None:
    outcomes = (Outcome(item="a.wav", status="done"), Outcome(item="b.wav", status="failed", reason="is empty"))
    found = Summary(stage="masks", outcomes=outcomes, seconds=1.26, facts={"checkpoint_id": "x"}).as_dict()
    assert found == {
        "stage": "masks",
        "counts": {"done": 1, "failed": 1},
        "seconds": 1.3,
        "failed": [{"item": "b.wav", "reason": "is empty"}],
        "checkpoint_id": "x",
    }


def test_the_page_says_what_failed_and_why_and_no_name_breaks_its_table() -> None:
    outcomes = (
        Outcome(item="a|b\r\nc.wav", status="failed", reason="holds | and\nno sound"),
        Outcome(item="whole.wav", status="done"),
    )
    text = page(Summary(stage="remix", outcomes=outcomes, seconds=0.0, facts={"gains": "violin=-6|x"}))
    assert "| a\\|b c.wav | failed | holds \\| and no sound |" in text
    assert "| gains | violin=-6\\|x |" in text
    assert "whole.wav" not in text
    assert headline(Summary(stage="remix", outcomes=outcomes, seconds=0.04)) == "remix: 1 done, 1 failed, 0.0 s"


def test_a_long_list_of_failures_is_cut_and_says_so() -> None:
    failed = tuple(Outcome(item=f"{i}.wav", status="failed", reason="is empty") for i in range(1000))
    text = page(Summary(stage="remix", outcomes=failed, seconds=0.0))
    assert text.count("is empty") == 200
    assert "and 800 more; `varemix status` lists them all." in text


def test_the_page_is_published_under_its_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, str]] = []
    monkeypatch.setattr(summaries, "create_markdown_artifact", lambda **artifact: published.append(artifact))
    assert publish(SOME) is SOME
    assert published == [{"key": "remix", "markdown": page(SOME), "description": headline(SOME)}]
