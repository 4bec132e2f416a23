"""A recipe that is over in a second or two."""

from dataclasses import replace

from tasks import calibrate
from varemix.training import heads, pictures
from varemix.training.recipe import Recipe, Shares, tiny

pictures._NUM_NOTHINGS = heads._NUM_NOTHINGS = 2  # looking at pictures is what takes longest
calibrate._NUM_MIXTURES = 8  # then listening to mixes


def small(seed: int = 0) -> Recipe:
    """Return one epoch of a step for each clip, each of two mixes of 0.37 s."""
    separator = replace(tiny().separator, num_maps=4, widths=(4, 8, 8, 8), window_frames=32)
    return replace(
        tiny(),
        name="small",
        separator=separator,
        epochs=1,
        examples_per_clip=2,
        batch_size=2,
        pictures_per_clip=1,
        code_steps=8,
        num_validation_examples=2,
        seed=seed,
    )


def small_by_name() -> Recipe:
    """Return one by name, of all that sounds."""
    shares = Shares(kinds={"video": 0.4, "phrase": 0.3, "tune": 0.3})
    return replace(small(), asked="names", shares=shares, examples_per_epoch=4, source_odds=(0.2, 0.5, 0.3))
