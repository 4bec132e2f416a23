"""What a training learns from, all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from varemix.media.clips import Clip
from varemix.media.sounds import Sound

Photos = Mapping[str, Sequence[Path]]
"""Photographs by instrument, to learn from beside the clips' own frames."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is learnt from: clips of videos by split, sounds without pictures, photos of instruments and strangers.

    `photos` are by instrument, `strangers` pictures of none.
    """

    clips: Mapping[str, Sequence[Clip]]
    sounds: Sequence[Sound] = ()
    photos: Photos = field(default_factory=dict)
    strangers: Sequence[Path] = ()

    @property
    def val_sounds(self) -> list[Sound]:
        """The sounds that are kept for validation."""
        return [sound for sound in self.sounds if sound.split == "val"]
