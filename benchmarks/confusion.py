"""Which instrument is taken for which: `python -m benchmarks.confusion --sounds FOLDER --out confusion.png`.

Sounds of one instrument each, of a split that was not learnt from, are separated by the built-in model with all of its
instruments, and it is counted what each mask claims.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.mute_depth import heard_whole
from benchmarks.rounds import say
from varemix.errors import UsageError, VaremixError
from varemix.evaluation.confusion import NOBODY, claimed_shares, confusion_figure
from varemix.media.sounds import Sound, listed_sounds, read_sound
from varemix.model.separator import Separator
from varemix.signal.grid import RATE_HZ
from varemix.weights import REFERENCE

_MOST_S = 12.0
_LEAST_S = 1.0


def of_split(sounds: Sequence[Sound], split: str) -> list[Sound]:
    """Return the sounds of a split. Raises UsageError, which says which there are, where it has none."""
    own = [sound for sound in sounds if sound.split == split]
    if not own:
        there = ", ".join(sorted({sound.split for sound in sounds}))
        raise UsageError(f"No sound is of the split '{split}'; there is {there}. Name one of them with --split.")
    return own


def chosen(sounds: Sequence[Sound], most: int) -> list[Sound]:
    """Return at most so many sounds of an instrument, of each player or font in turn; phrases before notes."""
    phrases = [sound for sound in sounds if sound.kind == "phrase" and sound.duration_s >= _LEAST_S] or list(sounds)
    by_group: dict[str, list[Sound]] = {}
    for sound in phrases:
        by_group.setdefault(sound.group, []).append(sound)
    in_turn = (own[i] for i in range(most) for own in by_group.values() if i < len(own))
    return [sound for sound, _ in zip(in_turn, range(most), strict=False)]


def shares_of(separator: Separator, sounds: Sequence[Sound]) -> Iterator[np.ndarray]:
    """Yield what is claimed of each sound; those that cannot be read are told and passed over."""
    for sound in sounds:
        num_samples = int(min(_MOST_S, sound.duration_s) * RATE_HZ)
        try:
            samples = read_sound(sound, num_samples=num_samples, rate_hz=RATE_HZ)
        except VaremixError as error:
            say(f"Without {sound.sound_id}: {error}")
            continue
        yield claimed_shares(*heard_whole(separator, samples))


def main() -> None:
    """Measure, tell, and draw."""
    parser = argparse.ArgumentParser(description="Which instrument is taken for which.")
    parser.add_argument("--sounds", type=Path, required=True, help="folder of sounds with its lists")
    parser.add_argument("--split", default="val")
    parser.add_argument("--each", type=int, default=8, help="so many sounds of each instrument")
    parser.add_argument("--out", type=Path, help="PNG file for the figure")
    asked = parser.parse_args()
    if asked.out and not asked.out.parent.is_dir():
        parser.error(f"'{asked.out.parent}' is no folder; name a file in one that is there for --out.")
    try:
        own = of_split(listed_sounds(asked.sounds), asked.split)
    except VaremixError as error:
        parser.error(str(error))
    separator = Separator.load(REFERENCE)
    known = list(separator.instruments)
    found: dict[str, np.ndarray] = {}
    num_sounds = 0
    for name in known:
        heard = list(shares_of(separator, chosen([sound for sound in own if sound.label == name], asked.each)))
        if not heard:
            continue
        num_sounds += len(heard)
        found[name] = np.mean(heard, axis=0)
        others = sorted(zip(found[name], [*known, NOBODY], strict=True), reverse=True)
        taken = ", ".join(f"{other} {100 * share:.0f}" for share, other in others[:4] if other != name)
        say(f"{name:16}{len(heard):3} sounds: itself {100 * found[name][known.index(name)]:3.0f} %; {taken}")
    if not found:
        sys.exit(f"No sound of {', '.join(known)} could be read in '{asked.sounds}'; nothing was drawn.")
    if asked.out:
        asked.out.write_bytes(
            confusion_figure(np.stack(list(found.values())), list(found), [*known, NOBODY], num_sounds)
        )


if __name__ == "__main__":
    main()
