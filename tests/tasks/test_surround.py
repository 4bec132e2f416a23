"""Recordings and videos of more than two channels: every group of channels is heard and remixed by itself."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from catalog.masks import MaskReader
from catalog.store import Catalog
from flows.one_file import open_separator, remix_file
from tasks.masks import make_masks
from tasks.queries import Query
from tasks.remix import remix_tracks
from tasks.remix_file import write_remix
from tasks.stored_masks import masks_stand
from tasks.wishes import jobs_of, plan_queries, wanted_of
from tests.tasks.planted import TONES_HZ, plant_masks, scanned, statuses
from tests.tasks.surround import FILES, LOUDSPEAKERS, VIDEOS, write_surround
from varemix.media.audio import AudioInfo, probe_audio, read_audio
from varemix.remix.plan import RemixPlan, plan_of
from varemix.signal.presence import Presence

LOSSLESS = [name for name in FILES if "ac3" not in name and "aac" not in name]


def wanted(*gains: str, **settings: Any) -> RemixPlan:
    return plan_of(gains or ("violin=-9", "tuba=mute"), force=True, **settings)


def remixed(catalog: Catalog, library: Path, out: Path, plan: RemixPlan) -> list[dict[str, Any]]:
    """Hear and remix a library as its steps do, and return the rows of its masks."""
    queries = plan_queries(plan, sorted(TONES_HZ))
    settings: dict[str, Any] = {"shard": "1", "home": str(catalog.home.root), "checkpoint_id": "small"}
    tracks = scanned(catalog, library)
    stream = plan.audio_stream - 1
    made = make_masks.fn(items=tracks, queries=list(queries.values()), audio_stream=stream, **settings)
    assert set(statuses(made).values()) <= {"done", "skipped"}
    outcomes = remix_tracks.fn(items=jobs_of(tracks, plan, queries, out), **settings)
    assert set(statuses(outcomes).values()) <= {"done", "unchanged"}, outcomes
    return catalog.read_rows("masks")


def packets(path: Path, number: int) -> list[bytes]:
    """Return the packets of one stream of a file."""
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(file.streams[number]) if packet.size]


@pytest.mark.parametrize("name", FILES)
def test_every_channel_is_remixed_but_the_bass_and_one_file_is_as_the_batch(
    catalog: Catalog, champion: str, library: Path, tmp_path: Path, name: str
) -> None:
    source, out = write_surround(library / name), tmp_path / "out"
    [masks] = remixed(catalog, library, out, wanted())
    before, info = read_audio(source)
    after, info_after = read_audio(out / name)
    assert (info_after.channel_layout, info_after.num_samples) == (info.channel_layout, info.num_samples)
    bass = LOUDSPEAKERS[FILES[name][0]].index("LFE")
    changes = np.abs(after - before).max(axis=1)
    assert np.delete(changes, bass).min() > 1e-3
    if name in LOSSLESS:
        np.testing.assert_array_equal(after[bass], before[bass])
    with MaskReader(catalog.home.absolute(masks["path"])) as reader:
        assert [group.name for group in reader.header.groups] == masks["channel_groups"].split()
        assert reader.header.format_version == 3
    separator = open_separator(None, str(catalog.home.root))
    remix_file(source, tmp_path / name, wanted(), lambda: separator)
    assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.parametrize("name", ["5.1.wav", "7.1.mkv"])
def test_what_plays_in_the_centre_alone_changes_in_the_centre_alone(
    catalog: Catalog, champion: str, library: Path, tmp_path: Path, name: str
) -> None:
    source = write_surround(library / name, ["FC", "LFE"])
    remixed(catalog, library, tmp_path / "out", wanted())
    before, after = read_audio(source)[0], read_audio(tmp_path / "out" / name)[0]
    changed = np.flatnonzero(np.abs(after - before).max(axis=1))
    assert changed.tolist() == [LOUDSPEAKERS[FILES[name][0]].index("FC")]


@pytest.mark.parametrize("name", FILES)
def test_without_a_change_every_byte_stays(
    catalog: Catalog, champion: str, library: Path, tmp_path: Path, name: str
) -> None:
    source = write_surround(library / name)
    remixed(catalog, library, tmp_path / "out", wanted("violin=0", "tuba=0"))
    assert (tmp_path / "out" / name).read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", VIDEOS)
@pytest.mark.parametrize("audio_stream", [1, 2])
def test_the_named_sound_of_a_video_is_remixed_and_all_else_is_copied(
    catalog: Catalog, champion: str, library: Path, tmp_path: Path, name: str, audio_stream: int
) -> None:
    source, out, plan = write_surround(library / name), tmp_path / "out", wanted(audio_stream=audio_stream)
    [masks] = remixed(catalog, library, out, plan)
    assert (masks["audio_stream"] or 1) == audio_stream
    for number in (0, 1, 2):
        is_same = packets(source, number) == packets(out / name, number)
        assert is_same == (number != audio_stream)
    number = audio_stream - 1
    assert probe_audio(out / name, audio_stream=number).num_samples == (
        probe_audio(source, audio_stream=number).num_samples
    )
    separator = open_separator(None, str(catalog.home.root))
    remix_file(source, tmp_path / name, plan, lambda: separator)
    assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


def test_where_an_instrument_does_not_play_its_masks_change_nothing(
    catalog: Catalog, champion: str, library: Path, tmp_path: Path
) -> None:
    source, target = write_surround(library / "5.1.wav"), tmp_path / "out.wav"
    [masks] = remixed(catalog, library, tmp_path / "out", wanted("tuba=mute"))
    presence = Presence(shares_db={"tuba": -6.0}, threshold_db=-18.0, group_shares_db={"tuba": [-40.0, -6.0, -18.1]})
    plan = plan_of(["tuba=mute"])
    wishes = wanted_of(plan.for_track("5.1.wav", {}, 1.2), plan_queries(plan, ["tuba"]))
    write_remix(source, target, catalog.home.absolute(masks["path"]), presence, wishes)
    changes = np.abs(read_audio(target)[0] - read_audio(source)[0]).max(axis=1)
    assert np.flatnonzero(changes).tolist() == [2]


def test_masks_of_the_front_pair_alone_are_made_anew_for_all_channels(
    catalog: Catalog, champion: str, library: Path
) -> None:
    write_surround(library / "5.1.wav")
    [track] = scanned(catalog, library)
    plant_masks(catalog, {**track, "channel_groups": None}, champion)
    assert masks_stand(catalog, [track], champion, [["tuba"]]) == [False]
    settings: dict[str, Any] = {"shard": "1", "home": str(catalog.home.root), "checkpoint_id": champion}
    make_masks.fn(items=[track], queries=[Query(name="tuba")], **settings)
    assert masks_stand(catalog, [track], champion, [["tuba"]]) == [True]


def test_an_instrument_plays_if_it_plays_in_any_group_and_is_left_alone_in_the_others(
    catalog: Catalog, champion: str, library: Path
) -> None:
    from tasks.presence import presence_of

    write_surround(library / "5.1.wav", ["FC", "LFE"])
    [track] = scanned(catalog, library)
    settings: dict[str, Any] = {"shard": "1", "home": str(catalog.home.root), "checkpoint_id": champion}
    make_masks.fn(items=[track], queries=[Query(name="tuba"), Query(name="violin")], **settings)
    [row] = catalog.read_rows("masks")
    presence = presence_of(row)
    for name in ("tuba", "violin"):
        front, centre, backs = presence.group_shares_db[name]
        assert front == backs == -100
        assert centre == presence.shares_db[name] > -20


def test_a_silent_group_takes_next_to_no_room(catalog: Catalog, champion: str, library: Path) -> None:
    info: AudioInfo = probe_audio(write_surround(library / "5.1.wav", ["FC", "LFE"]))
    assert len(info.groups) == 3
    [track] = scanned(catalog, library)
    settings: dict[str, Any] = {"shard": "1", "home": str(catalog.home.root), "checkpoint_id": champion}
    make_masks.fn(items=[track], queries=[Query(name="tuba")], **settings)
    [row] = catalog.read_rows("masks")
    with MaskReader(catalog.home.absolute(row["path"])) as reader:
        masks = reader.read("tuba")
    assert masks.shape[0] == 3
    assert not masks[[0, 2]].any()
    assert masks[1].any()
