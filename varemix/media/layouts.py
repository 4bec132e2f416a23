"""What the channels of a recording are for, and which of them are heard and remixed together.

Layouts are called as ffmpeg calls them: '5.1(side)', '7.1', 'quad'; None where a file names no loudspeakers.
Belongs here: names and numbers of channels. Stays out: reading a layout off a file (`decoding`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from varemix.errors import MediaError

if TYPE_CHECKING:
    import numpy as np

MAX_GROUPS = 16
_BASS = ("LFE", "LFE2")
_UNNAMED = ("NONE", "UNSD", "UNK")
_AMBISONIC = "AMBI"
_PAIRS = {
    **{f"{place}L": f"{place}R" for place in ("F", "B", "S", "W", "TF", "TB", "TS", "SD", "BF", "SS", "TT", "D", "BI")},
    "FLC": "FRC",
}
# How mixes are exchanged in files that name no loudspeakers: the order of WAV.
_USUAL_LAYOUTS = {6: "5.1", 8: "7.1"}
OTHER_SIDES = {"quad": "quad(side)", "5.0": "5.0(side)", "5.1": "5.1(side)"}
OTHER_SIDES |= {side: back for back, side in OTHER_SIDES.items()}
# By ITU-R BS.775, annex 4: what comes from the middle, the sides and behind, 3 dB down; the bass not at all.
_TO_BOTH = ("FC", "BC", "TC", "TFC", "TBC", "BFC")
_DOWN_3_DB = math.sqrt(0.5)
_FULL = ("FL", "FR")
_SIDE_WEIGHT = 1.41  # ITU-R BS.1770-4, annex 3: between 60 and 120 degrees
_WAVE_SPEAKERS = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR"),
    *("TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR"),
)


@dataclass(frozen=True, kw_only=True)
class ChannelGroup:
    """Channels that one mask serves, by their numbers from 0 on; of all those `heard` the mean is heard.

    `name` tells their loudspeakers, such as 'FL+FR', or the number from 1 on of one that is named by none.
    """

    name: str
    channels: tuple[int, ...]
    heard: tuple[int, ...]

    @property
    def apart(self) -> tuple[ChannelGroup, ...]:
        """Each of its channels by itself, for masks of each; itself where not all of them are heard."""
        if len(self.channels) == 1 or self.channels != self.heard:
            return (self,)
        each = zip(self.name.split("+"), self.channels, strict=True)
        return tuple(ChannelGroup(name=name, channels=(channel,), heard=(channel,)) for name, channel in each)


def named_layout(layout: str, num_channels: int) -> str | None:
    """Return a layout that ffmpeg tells of more than two channels; None where it names no loudspeakers."""
    return None if num_channels <= 2 or _is_unnamed(layout) else layout


def speakers_of(layout: str | None, num_channels: int) -> tuple[str, ...] | None:
    """Return ffmpeg's names of the loudspeakers that channels are for, None where nothing tells them.

    Six channels that are named by nobody are taken for 5.1, eight for 7.1, in the order of WAV.
    """
    named = _named(layout) if layout else ()
    is_told = len(named) == num_channels and len(set(named)) == num_channels and not set(named) & {*_UNNAMED}
    if is_told:
        return named
    return _named(_USUAL_LAYOUTS[num_channels]) if num_channels in _USUAL_LAYOUTS else None


def layout_name(layout: str | None, num_channels: int) -> str:
    """Return how a layout is called when channels are written: of those that are named by nobody the usual one."""
    return layout or _USUAL_LAYOUTS.get(num_channels, f"{num_channels} channels")


def guess_note(layout: str | None, num_channels: int) -> str:
    """Return what is to be told of more than two channels that are named by nobody; nothing of others."""
    if num_channels <= 2 or layout:
        return ""
    if num_channels in _USUAL_LAYOUTS:
        usual = _USUAL_LAYOUTS[num_channels]
        order = ", ".join(_named(usual))
        return f"it names no loudspeakers; its {num_channels} channels were taken for {usual}: {order}"
    return f"it names no loudspeakers; each of its {num_channels} channels was analysed by itself"


@lru_cache(maxsize=64)
def channel_groups(layout: str | None, num_channels: int) -> tuple[ChannelGroup, ...]:
    """Return the groups of channels that are heard and remixed together; the bass (LFE) is in none.

    Mono and stereo are one group. Of more channels each left and right pair is one, heard as its mid signal, and
    each other channel is one: the centre, the middle behind. Ambisonic channels are one, heard by the one that hears
    all around; their mask serves all alike, which keeps the directions. Where nothing tells what channels are for, each
    is one. Raises MediaError for more than MAX_GROUPS.
    """
    every = tuple(range(num_channels))
    if num_channels <= 2:
        return (ChannelGroup(name="FL+FR" if num_channels == 2 else "FC", channels=every, heard=every),)
    speakers = speakers_of(layout, num_channels)
    groups = _groups_of(speakers) if speakers else []
    groups = groups or [ChannelGroup(name=str(i + 1), channels=(i,), heard=(i,)) for i in every]
    if len(groups) > MAX_GROUPS:
        raise MediaError(
            f"It has {num_channels} channels that make {len(groups)} groups; {MAX_GROUPS} at most are remixed. "
            "Split it into recordings of fewer channels."
        )
    return tuple(groups)


def group_names(layout: str | None, num_channels: int) -> str | None:
    """Return the names of the groups as one text, such as 'FL+FR FC SL+SR'; None where the front pair is all.

    Channels of more groups than are served have a text, too, which says so.
    """
    try:
        groups = channel_groups(layout, num_channels)
    except MediaError:
        return f"{num_channels} channels"
    is_front = [group.channels for group in groups] in ([(0,)], [(0, 1)])
    return None if is_front else " ".join(group.name for group in groups)


def wave_mask(layout: str | None, num_channels: int) -> int:
    """Return the loudspeakers as a WAV file names them, a bit for each; 0 where it cannot, or in another order."""
    named = _named(layout) if layout else ()
    places = [_WAVE_SPEAKERS.index(name) for name in named if name in _WAVE_SPEAKERS]
    is_told = len(places) == num_channels and places == sorted(set(places))
    return sum(1 << place for place in places) if is_told else 0


def stereo_weights(layout: str | None, num_channels: int) -> np.ndarray:
    """Return what turns channels into two to be listened to [2, C] (ITU-R BS.775, annex 4); no sum passes full scale.

    Mono and stereo stay as they are, [C, C]. Channels that are named by nobody go to both sides.
    """
    import numpy as np

    if num_channels <= 2:
        return np.eye(num_channels)
    speakers = speakers_of(layout, num_channels) or ("FC",) * num_channels
    weights = np.array([_sides(speaker) for speaker in speakers]).T
    return weights / max(1.0, float(weights.sum(axis=1).max()))


def played(samples: np.ndarray, layout: str | None) -> np.ndarray:
    """Return what is played of samples [C, S]: mono and stereo as they are, of more channels a downmix [2, S]."""
    return samples if len(samples) <= 2 else stereo_weights(layout, len(samples)) @ samples


def loudness_weights(layout: str | None, num_channels: int) -> tuple[float, ...]:
    """Return the weight of each channel in the loudness of the whole (ITU-R BS.1770-4, table 3 and annex 3)."""
    speakers = speakers_of(layout, num_channels) if num_channels > 2 else None
    if speakers is None:
        return (1.0,) * num_channels
    beside = ("SL", "SR", "SDL", "SDR") if "SL" in speakers else ("BL", "BR")
    return tuple(0.0 if s in _BASS else _SIDE_WEIGHT if s in beside else 1.0 for s in speakers)


@lru_cache(maxsize=64)
def _named(layout: str) -> tuple[str, ...]:
    import av

    try:
        return tuple(channel.name for channel in av.AudioLayout(layout).channels)
    except ValueError:
        return ()


def _is_unnamed(layout: str) -> bool:
    return not _named(layout) or bool(set(_named(layout)) & {*_UNNAMED})


def _groups_of(speakers: Sequence[str]) -> list[ChannelGroup]:
    places = {speaker: i for i, speaker in enumerate(speakers)}
    around = tuple(i for i, speaker in enumerate(speakers) if speaker.startswith(_AMBISONIC))
    groups = [ChannelGroup(name=_AMBISONIC, channels=around, heard=around[:1])] if around else []
    for speaker, i in places.items():
        left = next((left for left, right in _PAIRS.items() if right == speaker and left in places), None)
        if speaker in _BASS or i in around or left:
            continue
        pair = (i, places[_PAIRS[speaker]]) if _PAIRS.get(speaker) in places else (i,)
        groups.append(ChannelGroup(name="+".join(speakers[each] for each in pair), channels=pair, heard=pair))
    return groups


def _sides(speaker: str) -> tuple[float, float]:
    if speaker in _BASS or (speaker.startswith(_AMBISONIC) and speaker != f"{_AMBISONIC}0"):
        return 0.0, 0.0
    share = 1.0 if speaker in _FULL else _DOWN_3_DB
    if speaker in _TO_BOTH or speaker.startswith(_AMBISONIC):
        return share, share
    return (share, 0.0) if speaker in _PAIRS else (0.0, share)
