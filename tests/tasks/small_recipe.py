"""A recipe that is over in a second or two."""

from dataclasses import replace

from varemix.training import pictures
from varemix.training.recipe import Recipe, tiny

pictures._NUM_NOTHINGS = 2  # looking at pictures is what takes longest


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
