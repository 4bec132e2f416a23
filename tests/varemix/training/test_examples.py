"""Mix-and-separate examples: what they are mixed from, and that they follow from the generator alone."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.solos import Solos, make_clip
from tests.varemix.training.sounding import filmed, recording
from varemix.errors import TrainingError
from varemix.training.examples import Pool, Source, Voice, check_recordings, draw_sources
from varemix.training.recipe import Augmentation, Recipe, Shares, paper
from varemix.training.soundbank import TUNE, VIDEO, Recording

NUM_DRAWS = 2_000


def learnt(recordings: list[Recording]) -> list[Recording]:
    """Return those to learn from."""
    return [one for one in recordings if one.split == "train"]


def drawn(
    recordings: list[Recording], recipe: Recipe, *, count: int, seed: int = 0, is_changed: bool = True
) -> list[list[Source]]:
    draw, pool = np.random.default_rng(seed), Pool(learnt(recordings), recipe)
    return [draw_sources(pool, recipe, draw, is_changed=is_changed) for _ in range(count)]


def mixing(recipe: Recipe, *odds: float, **augmentation: float) -> Recipe:
    return replace(recipe, source_odds=odds, augmentation=Augmentation(**augmentation))


def sharing(recipe: Recipe, **shares: Any) -> Recipe:
    """Return the recipe, drawing one source a mix by these shares; of phrases, where no kinds are told."""
    return replace(recipe, source_odds=(1.0,), shares=Shares(**({"kinds": {"phrase": 1.0}} | shares)))


def shares_of(recordings: list[Recording], recipe: Recipe, what: str) -> dict[str, float]:
    """Return how often a recording of each label, kind or group is drawn."""
    examples = drawn(recordings, recipe, count=NUM_DRAWS)
    counts = Counter(getattr(source.recording, what) for sources in examples for source in sources)
    return {name: count / NUM_DRAWS for name, count in counts.items()}


def about(**shares: float) -> Any:
    """Return what shares of so many draws are equal to, within three standard deviations of the most uncertain."""
    return pytest.approx(shares, abs=3 * 0.5 / NUM_DRAWS**0.5)


def voices_of(examples: list[list[Source]]) -> list[Voice]:
    return [voice for sources in examples for source in sources for voice in source.voices]


@pytest.fixture(scope="module")
def four(four_instruments: Solos) -> list[Recording]:
    """Return the recordings of clips of four instruments."""
    return filmed(four_instruments)


@pytest.mark.parametrize("num_sources", [2, 3, 4])
def test_sources_are_always_of_different_instruments(four: list[Recording], recipe: Recipe, num_sources: int) -> None:
    certain = mixing(recipe, *[0.0] * (num_sources - 1), 1.0, doubled_share=0.5)
    for sources in drawn(four, certain, count=100):
        assert len({source.label for source in sources}) == len(sources) == num_sources
        assert all(voice.recording.label == source.label for source in sources for voice in source.voices)


def test_numbers_of_sources_come_as_often_as_the_odds_say(four: list[Recording], recipe: Recipe) -> None:
    counts = Counter(len(sources) for sources in drawn(four, mixing(recipe, 0.2, 0.0, 0.8), count=300))
    assert counts.keys() == {1, 3}
    assert counts[1] == pytest.approx(60, abs=20)


@pytest.mark.parametrize("odds", [(0.1, 0.5, 0.4), (0.0, 0.0, 1.0)])
def test_more_sources_than_instruments_are_never_drawn(
    two_instruments: Solos, recipe: Recipe, odds: tuple[float, ...]
) -> None:
    counts = Counter(len(sources) for sources in drawn(filmed(two_instruments), mixing(recipe, *odds), count=300))
    assert counts[1] == pytest.approx(300 * odds[0], abs=20)
    assert counts[1] + counts[2] == 300


def test_the_same_generator_draws_the_same_examples_and_another_others(four: list[Recording], recipe: Recipe) -> None:
    once, again, other = (drawn(four, recipe, count=10, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_volumes_fill_the_recipes_range_or_vary_by_so_many_db(four: list[Recording], recipe: Recipe) -> None:
    volumes = [source.volume for sources in drawn(four, recipe, count=200) for source in sources]
    assert 0.5 <= min(volumes) < 0.52
    assert 0.98 < max(volumes) <= 1.0
    spread = mixing(recipe, 0, 1, volume_spread_db=4.0)
    volumes_db = [20 * np.log10(source.volume) for sources in drawn(four, spread, count=500) for source in sources]
    assert np.mean(volumes_db) == pytest.approx(0, abs=0.5)
    assert np.std(volumes_db) == pytest.approx(4, abs=0.4)


def test_for_validation_nothing_is_changed(four: list[Recording], recipe: Recipe) -> None:
    changing = mixing(recipe, 0, 1, pitch_semitones=3, doubled_share=1, levelled_share=1, volume_spread_db=4)
    sources = [source for sources in drawn(four, changing, count=20) for source in sources]
    assert {(len(source.voices), source.is_levelled) for source in sources} == {(2, True)}
    assert all(0.3 <= source.voices[1].volume <= 1 == source.voices[0].volume for source in sources)
    plain = [source for sources in drawn(four, changing, count=20, is_changed=False) for source in sources]
    assert {(len(source.voices), source.is_levelled, source.volume) for source in plain} == {(1, False, 1.0)}
    assert {(voice.speed, voice.volume) for source in plain for voice in source.voices} == {(1.0, 1.0)}


def test_pitches_fill_the_recipes_range(four: list[Recording], recipe: Recipe) -> None:
    voices = voices_of(drawn(four, mixing(recipe, 0, 1, pitch_semitones=2), count=200))
    semitones = [12 * np.log2(voice.speed) for voice in voices]
    assert -2 <= min(semitones) < -1.9
    assert 1.9 < max(semitones) <= 2


@pytest.mark.parametrize("pitch_semitones", [0, 5])
def test_stretches_lie_within_their_recordings_and_all_over_them(
    four: list[Recording], recipe: Recipe, pitch_semitones: float
) -> None:
    examples = drawn(four, mixing(recipe, 0, 1, pitch_semitones=pitch_semitones), count=300)
    voices = voices_of(examples)
    room = [voice.recording.num_samples - recipe.window_samples * voice.speed for voice in voices]
    places = [voice.offset / last for voice, last in zip(voices, room, strict=True)]
    assert 0 <= min(places) < 0.05
    assert 0.95 < max(places) <= 1
    assert all(voice.limit == voice.recording.num_samples and voice.offset.is_integer() for voice in voices)


def test_a_recording_that_is_too_short_is_heard_from_its_beginning(recipe: Recipe) -> None:
    short = [recording(label, 0.1, kind=VIDEO) for label in ("flute", "tuba")]
    assert {(voice.offset, voice.limit) for voice in voices_of(drawn(short, recipe, count=20))} == {(0.0, 4_410)}


def test_frames_are_those_of_the_moment_that_is_heard(four: list[Recording], recipe: Recipe) -> None:
    for sources in drawn(four, replace(recipe, pictures_per_example=1), count=50):
        for source in sources:
            clip = source.recording.clip
            assert clip is not None
            middle_s = (source.voices[0].offset + recipe.window_samples / 2) / 44_100
            nearest_s = min(middle_s, (clip.num_frames - 1) / clip.frame_rate_hz)
            assert abs(source.frames[0] / clip.frame_rate_hz - nearest_s) <= 0.5 / clip.frame_rate_hz


def test_the_papers_examples_show_three_frames_24_apart(tmp_path: Path) -> None:
    clips = [
        replace(make_clip(tmp_path, name, number=1, duration_s=1.0), num_samples=60 * 44_100, num_frames=360)
        for name in ("flute", "tuba")
    ]
    clips = [replace(clip, frame_rate_hz=6.0) for clip in clips]
    examples = drawn(filmed(Solos(train=clips, val=[])), paper(), count=20)
    gaps = {tuple(np.diff(source.frames)) for sources in examples for source in sources}
    assert (24, 24) in gaps
    assert all(gap <= 24 for pair in gaps for gap in pair)


# Without shares


def test_without_shares_clips_alone_are_drawn_and_all_alike(recipe: Recipe) -> None:
    clips = [
        *(recording("flute", group=f"flute {n}", kind=VIDEO) for n in range(3)),
        recording("tuba", group="tuba", kind=VIDEO),
    ]
    others = [recording("tuba"), recording("x_bell", kind="synth"), recording("harp", kind=TUNE)]
    found = shares_of([*clips, *others], mixing(recipe, 1.0), "group")
    assert found == about(**{"flute 0": 0.25, "flute 1": 0.25, "flute 2": 0.25, "tuba": 0.25})


# With shares


def test_kinds_come_by_their_shares_however_much_there_is_of_each(recipe: Recipe) -> None:
    recordings = [
        *(recording("flute", 30, kind=VIDEO, group=f"clip {n}") for n in range(20)),
        *(recording("flute", 600, kind="phrase", group=name) for name in ("ann", "bob")),
        recording("flute", 3_000, kind="synth"),
    ]
    by_kind = sharing(recipe, kinds={VIDEO: 0.5, "phrase": 0.3, "synth": 0.2})
    assert shares_of(recordings, by_kind, "kind") == about(video=0.5, phrase=0.3, synth=0.2)


def test_kinds_that_a_label_has_none_of_fall_to_its_others(recipe: Recipe) -> None:
    recordings = [recording("flute", 200, kind=VIDEO), recording("flute", 200, kind="phrase")]
    by_kind = sharing(recipe, kinds={VIDEO: 0.3, "phrase": 0.1, "synth": 0.4, TUNE: 0.2})
    assert shares_of(recordings, by_kind, "kind") == about(video=0.75, phrase=0.25)


def test_a_kind_that_the_shares_do_not_name_or_give_nothing_is_left_out(recipe: Recipe) -> None:
    recordings = [recording("flute"), recording("flute", kind="synth"), recording("harp", kind=TUNE)]
    pool = Pool(recordings, sharing(recipe, kinds={"phrase": 1.0, "synth": 0.0}))
    assert pool.labels == ["flute"]
    assert {pool.draw_recording("flute", np.random.default_rng(n)).kind for n in range(50)} == {"phrase"}


def test_a_kind_of_which_there_is_little_gets_less(recipe: Recipe) -> None:
    recordings = [recording("flute", 30, kind="phrase"), recording("flute", 500, kind="synth")]
    scarce = sharing(recipe, kinds={"phrase": 0.5, "synth": 0.5}, full_s=120.0)
    assert shares_of(recordings, scarce, "kind") == about(phrase=0.2, synth=0.8)


def test_within_a_kind_groups_count_by_the_root_of_their_seconds(recipe: Recipe) -> None:
    recordings = [
        *(recording("flute", 100, group="ann") for _ in range(9)),
        recording("flute", 100, group="bob"),
    ]
    assert shares_of(recordings, sharing(recipe), "group") == about(ann=0.75, bob=0.25)


def test_within_a_group_recordings_count_by_their_seconds(recipe: Recipe) -> None:
    recordings = [recording("flute", 90, piece="long"), recording("flute", 10, piece="short")]
    assert shares_of(recordings, sharing(recipe), "piece") == about(long=0.9, short=0.1)


def test_labels_are_drawn_alike_however_many_recordings_they_have(recipe: Recipe) -> None:
    recordings = [recording("flute", group=f"player {n}") for n in range(30)] + [recording("tuba")]
    assert shares_of(recordings, sharing(recipe), "label") == about(flute=0.5, tuba=0.5)


def test_labels_without_videos_have_the_further_share_and_those_with_videos_the_rest(recipe: Recipe) -> None:
    recordings = [
        *(recording(label, kind=VIDEO) for label in ("flute", "tuba")),
        *(recording(label) for label in ("flute", "tuba", "harp", "piano", "voice")),
    ]
    shares = sharing(recipe, kinds={VIDEO: 0.5, "phrase": 0.5}, further=0.3)
    found = shares_of(recordings, shares, "label")
    assert found == about(flute=0.35, tuba=0.35, harp=0.1, piano=0.1, voice=0.1)
    unfilmed = shares_of([one for one in recordings if one.kind != VIDEO], shares, "label")
    assert unfilmed == about(flute=0.2, tuba=0.2, harp=0.2, piano=0.2, voice=0.2)


def test_odds_change_what_a_label_has_among_its_own_and_unnamed_ones_have_theirs(recipe: Recipe) -> None:
    recordings = [
        *(recording(label, kind=VIDEO) for label in ("flute", "tuba")),
        *(recording(label) for label in ("harp", "piano", "x_bell")),
    ]
    shares = sharing(
        recipe, kinds={VIDEO: 0.5, "phrase": 0.5}, further=0.5, odds={"piano": 2.5, "tuba": 4.0}, unnamed=0.5
    )
    assert shares_of(recordings, shares, "label") == about(flute=0.1, tuba=0.4, harp=0.125, piano=0.3125, x_bell=0.0625)


def test_labels_whose_odds_are_nothing_are_never_drawn_however_many_sources_there_are(recipe: Recipe) -> None:
    recordings = [*(recording(label, kind=VIDEO) for label in ("flute", "tuba")), recording("x_bell")]
    none = replace(
        sharing(recipe, kinds={VIDEO: 0.5, "phrase": 0.5}, unnamed=0.0), source_odds=(0, 0, 1.0), volume_range=(1, 1)
    )
    assert {source.label for sources in drawn(recordings, none, count=50) for source in sources} == {"flute", "tuba"}


# Ensembles


@pytest.fixture
def stems() -> list[Recording]:
    """Return three stems of a piece, one of them shorter and one with two parts, and other recordings of its labels."""
    of_piece = [
        recording("flute", 20, kind="ensemble", piece="trio", group="first"),
        recording("flute", 20, kind="ensemble", piece="trio", group="second"),
        recording("tuba", 12, kind="ensemble", piece="trio"),
        recording("harp", 20, kind="ensemble", piece="trio"),
    ]
    alone = [recording("harp", 20, kind="ensemble", piece="solo"), *(recording(name) for name in ("flute", "piano"))]
    return [*of_piece, *alone]


def test_ensembles_are_stems_of_one_piece_at_one_moment_and_speed(stems: list[Recording], recipe: Recipe) -> None:
    shares = Shares(kinds={"phrase": 1.0, "ensemble": 0.5}, ensembles=1.0)
    together = replace(mixing(recipe, 0, 0.5, 0.5, pitch_semitones=4), shares=shares)
    examples = drawn(stems, together, count=100)
    groups = set()
    for sources in examples:
        assert len({source.label for source in sources}) == len(sources) in (2, 3)
        assert {source.recording.piece for source in sources} == {"trio"}
        assert len({(v.offset, v.speed, v.limit) for v in voices_of([sources])}) == 1
        for voice in voices_of([sources]):
            assert voice.offset + voice.speed * recipe.window_samples <= voice.limit <= voice.recording.num_samples
            assert voice.offset.is_integer()
            groups |= {voice.recording.group}
    assert groups == {"ann", "first", "second"}
    assert len({voice.offset for voice in voices_of(examples)}) > 50
    assert {v.speed for v in voices_of(drawn(stems, together, count=20, is_changed=False))} == {1.0}


def test_as_many_mixes_are_ensembles_as_the_shares_say(stems: list[Recording], recipe: Recipe) -> None:
    shares = Shares(kinds={"phrase": 1.0, "ensemble": 0.01}, ensembles=0.3)
    phrases = [recording(name) for name in ("harp", "tuba")]
    examples = drawn([*stems, *phrases], replace(mixing(recipe, 0, 1), shares=shares), count=500)
    is_ensemble = [all(source.recording.kind == "ensemble" for source in sources) for sources in examples]
    assert np.mean(is_ensemble) == pytest.approx(0.3, abs=0.08)


def test_an_ensemble_plays_where_a_mix_of_one_source_would_have(stems: list[Recording], recipe: Recipe) -> None:
    shares = Shares(kinds={"ensemble": 1.0}, ensembles=1.0)
    lone = replace(mixing(recipe, 1, 0, 0), shares=shares)
    assert {len(sources) for sources in drawn(stems, lone, count=30)} == {2}


# Too little


@pytest.mark.parametrize(("num_clips", "found"), [(0, "0 instruments"), (2, "1 instruments")])
def test_too_few_instruments_are_told_with_the_split(
    two_instruments: Solos, recipe: Recipe, num_clips: int, found: str
) -> None:
    recordings = filmed(Solos(train=[], val=two_instruments.train[:num_clips]))
    with pytest.raises(TrainingError, match=f"val split has usable clips of {found}.*'small' mixes different ones"):
        check_recordings(recordings, recipe, "val")


def test_enough_instruments_pass(two_instruments: Solos, recipe: Recipe) -> None:
    check_recordings(filmed(two_instruments), recipe, "train")
    check_recordings(filmed(two_instruments), mixing(recipe, 0.1, 0.5, 0.4), "train")


def test_sounds_count_only_where_there_are_shares(recipe: Recipe) -> None:
    recordings = [recording("flute", kind=VIDEO), recording("harp")]
    with pytest.raises(TrainingError, match="of 1 instruments"):
        check_recordings(recordings, recipe, "train")
    check_recordings(recordings, replace(recipe, shares=Shares(kinds={VIDEO: 1.0, "phrase": 1.0})), "train")
