"""Sessions: kept whole, undone and redone without end, the same for all who have them open."""

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.errors import DeskError
from desk.mixes import Mix, mix_of
from desk.sessions import Change, Session, Sessions, change_of
from tests.desk.conftest import OpenDesk
from tests.desk.sounds import write_noise


def mix(gain_db: float) -> dict[str, Any]:
    """Return a mix of one violin."""
    return {"instruments": [{"target": "violin", "gain_db": gain_db}]}


def gains_db(session: Session) -> list[float]:
    """Return the gains of the mix that counts."""
    return [instrument.gain_db for instrument in session.mix.instruments]


@given(steps=st.lists(st.one_of(st.floats(-60, 24), st.sampled_from([-1, 1])), max_size=30))
def test_undo_and_redo_lead_through_all_that_was_changed_also_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float | int]
) -> None:
    folder = tmp_path_factory.mktemp("sessions")
    sessions = Sessions(folder)
    own = sessions.opened("song", mix_of(mix(0))).id
    expected, place = [0.0], 0  # as a list with a cursor has it
    for step in steps:
        if isinstance(step, int):
            sessions.change(own, Change(step=step))
            place = min(max(place + step, 0), len(expected) - 1)
        else:
            if step != expected[place]:
                expected[place + 1 :] = [step]
                place += 1
            sessions.change(own, Change(mix=mix(step), what="gain"))
        assert gains_db(sessions.session(own)) == [expected[place]]
    again = Sessions(folder).session(own)
    assert again.told() == sessions.session(own).told()


def test_a_new_name_counts_beside_a_mix_that_is_as_it_was(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    session = sessions.opened("a" * 20, mix_of({}))
    changed = sessions.change(session.id, change_of({"mix": session.mix.model_dump(), "name": "rehearsal"}))
    assert (changed.name, len(changed.mixes)) == ("rehearsal", 1)


def test_a_change_that_was_half_written_is_as_if_it_had_never_been(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    own = sessions.opened("song", mix_of(mix(-3))).id
    with (tmp_path / f"{own}.jsonl").open("a") as file:
        file.write('{"mix": {"instruments": [{"tar')
    again = Sessions(tmp_path)
    assert gains_db(again.session(own)) == [-3]
    again.change(own, Change(mix=mix(-6), what="gain"))
    assert gains_db(Sessions(tmp_path).session(own)) == [-6]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"recording": "song", "name": "n", "at": 1, "what": "x", "mix": {"swing": 1}}', "swing: Extra"),
        (b'{"recording": "song", "name": "n", "at": 1, "what": "x", "mix": {"tempo": "fast"}}', "tempo: Input"),
        (b'{"recording": "song", "at": NaN, "mix": {}}', "at: Input"),
        (b'{"at": 1, "step": "up"}', "step: Input"),
        (b"null", "a line: Input"),
        (b"\xff\xfe", "it is no text"),
        (b"[" * 100_000, "recursion"),
        (b"", "no such session"),
    ],
)
def test_a_session_that_cannot_be_read_says_why_and_disturbs_no_other(tmp_path: Path, content: bytes, why: str) -> None:
    own = Sessions(tmp_path).opened("song", mix_of(mix(-3))).id
    strange = tmp_path / f"{'0' * 16}.jsonl"
    strange.write_bytes(content)
    sessions = Sessions(tmp_path)
    with pytest.raises(DeskError, match=why):
        sessions.session(strange.stem)
    assert [session.id for session in sessions.listed()] == [own]
    assert sessions.opened("song", mix_of({})).id == own
    sessions.remove(strange.stem)
    assert not strange.exists()


def test_a_session_of_before_has_the_defaults_of_what_is_new(tmp_path: Path) -> None:
    old = '{"recording": "song", "name": "n", "at": 1, "what": "x", "mix": {"instruments": []}}\n'
    (tmp_path / f"{'0' * 16}.jsonl").write_text(old)
    assert Sessions(tmp_path).session("0" * 16).mix == mix_of({})


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size stands for a full disk there")
def test_a_change_that_finds_no_room_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    sessions = Sessions(tmp_path)
    own = sessions.opened("song", mix_of(mix(-3))).id
    before = (tmp_path / f"{own}.jsonl").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))
    try:
        with pytest.raises(DeskError, match=r"could not be kept: File too large\. Make room"):
            sessions.change(own, Change(mix=mix(-6), what="gain"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert gains_db(sessions.session(own)) == [-3]
    assert (tmp_path / f"{own}.jsonl").read_bytes() == before


def test_a_recording_is_opened_where_it_was_left_and_a_new_mix_beside_it(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    first = sessions.opened("song", Mix())
    assert sessions.opened("song", mix_of(mix(-9))).id == first.id
    second = sessions.opened("song", mix_of(mix(-9)), is_new=True)
    assert [first.name, second.name] == ["Mix 1", "Mix 2"]
    assert sessions.opened("song", Mix()).id == second.id
    assert sessions.opened("another song", Mix()).name == "Mix 1"
    sessions.change(first.id, Change(name="for Anna"))
    assert [session.name for session in Sessions(tmp_path).listed()] == ["for Anna", "Mix 1", "Mix 2"]
    sessions.remove(first.id)
    with pytest.raises(DeskError, match="no such session"):
        sessions.session(first.id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"instruments": [{"target": "../violin"}]},
        {"instruments": [{"target": "violin", "gain_db": 25}]},
        {"loop": [3, 2]},
        {"count_in_bpm": 3},
        {"setting": "C"},
        {"other": {"instruments": [{"target": "violin"}, {"target": "violin"}]}},
        {"instruments": [{"target": "violin", "ranges": [{"from_s": 2, "to_s": 1}]}]},
        {"instruments": [{"target": "violin", "ranges": [{"from_s": 1, "to_s": 3}, {"from_s": 2, "to_s": 4}]}]},
        {"instruments": [{"target": "violin", "gain_db": float("nan")}]},
        {"instruments": [{"target": "violin"}, {"target": "violin"}]},
        {"instruments": [{"target": "violin", "more": 1}]},
        {"mask_exponent": 0},
        {"loop": [1]},
        {"markers": [{"at_s": -1, "name": "x"}]},
        [],
    ],
)
def test_what_is_no_mix_is_refused_and_changes_nothing(tmp_path: Path, wrong: object) -> None:
    sessions = Sessions(tmp_path)
    own = sessions.opened("song", Mix()).id
    with pytest.raises(DeskError, match=r"This is no (mix|change)"):
        sessions.change(own, change_of({"mix": wrong}))
    assert sessions.session(own).revision == 1


def test_all_who_have_a_session_open_see_the_same(open_desk: OpenDesk, tmp_path: Path) -> None:
    desk = open_desk()
    recording = desk.drop(write_noise(tmp_path / "song.wav", seconds=1))["id"]
    told = desk.client.post(f"/api/recordings/{recording}/session", json={"mix": mix(-1)}).json()
    own = f"/api/sessions/{told['id']}"
    changed = desk.client.post(own, json={"mix": mix(-6), "what": "gain of Violin"}).json()
    assert desk.client.get(own).json() == changed
    assert changed["undoes"] == "gain of Violin"
    assert changed["revision"] > told["revision"]
    assert desk.client.post(own, json={"step": -1}).json()["mix"] == told["mix"]
    assert open_desk().client.get(own).json()["redoes"] == "gain of Violin"
    (listed,) = desk.client.get("/api/recordings").json()
    assert [session["id"] for session in listed["sessions"]] == [told["id"]]
    assert desk.client.delete(own).status_code == 200
    assert desk.client.get(own).status_code == 404
