"""The conditions of the paper's Table I, scored on one mixture: what the masks were made from decides the row.

`mix` leaves the mix as it is, so that its NSDR is 0 by definition; `ideal_binary` is the ceiling of binary masks,
`ideal_ratio` that of soft ones, `random_binary` the floor. The others are masks that pictures asked for: `image` each
by itself, `images_together` those of all sources at once, nothing else being taken to play; `image_2`, `image_3` and so
on are further still pictures of the same instrument, to see how much the picture matters. `name` is the query that the
checkpoint keeps under the instrument's name, where it knows it.

The last two say what a person hears who turns everything else down, with the masks of `image`: `separate_and_add` is
the sum of the stems at their weights, 1 for the wanted one and 0 for the others, which leaves its stem;
`remix_others_muted` is the mix itself without what the others' masks claim.
"""

MIX, IMAGE, WRONG_IMAGE, NAME = "mix", "image", "wrong_image", "name"
BLANK_IMAGE = "blank_image"
PICTURED = ("video", IMAGE, WRONG_IMAGE, BLANK_IMAGE)
IMAGES_TOGETHER = "images_together"
SEPARATE_AND_ADD, OTHERS_MUTED = "separate_and_add", "remix_others_muted"
CONDITIONS = (
    *("ideal_binary", "ideal_ratio", "random_binary", MIX),
    *("video", IMAGE, NAME, IMAGES_TOGETHER, WRONG_IMAGE, BLANK_IMAGE, SEPARATE_AND_ADD, OTHERS_MUTED),
)


def image_condition(rank: int) -> str:
    """Return the condition of a source's still picture, the first of which has rank 0."""
    return f"{IMAGE}_{rank + 1}" if rank else IMAGE
