"""Recipes: everything that decides what training yields, as one frozen record each.

A recipe is a function; a variant edits another recipe with `dataclasses.replace`. What only decides how fast or
where training runs (device, processes, how often to save) is no part of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from varemix.errors import TrainingError, UsageError
from varemix.licences import BUSINESS, UNSTATED, is_allowed
from varemix.model.settings import NO_TRUNK, ReadingRule, SeparatorSettings
from varemix.signal.grid import PAPER_GRID, Grid

Asked = Literal["sources", "instruments", "names"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How recordings are changed before they are mixed, so that few of them teach about many.

    Each is drawn anew, mostly for every source: `pitch_semitones`, up to which speed and pitch go up or down together;
    `equaliser_db`, the strength of smooth random filters; `room_share`, `low_pass_share`, `doubled_share` of sources
    that sound in a room, lose their highs, or are two recordings of the instrument at once; `noise_share` of mixes
    with a little noise that belongs to nobody; `levelled_share` of sources brought to one loudness before their volume,
    which is drawn evenly from the recipe's range, or varies by `volume_spread_db` around 1 where that is not 0;
    `level_db` between which the whole mix is made louder; `hidden_share` of each of two bands and two spans of a mix
    that are not heard.
    """

    pitch_semitones: float = 0.0
    equaliser_db: float = 0.0
    room_share: float = 0.0
    low_pass_share: float = 0.0
    doubled_share: float = 0.0
    noise_share: float = 0.0
    levelled_share: float = 0.0
    volume_spread_db: float = 0.0
    level_db: tuple[float, float] = (0.0, 0.0)
    hidden_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Shares:
    """From what the sources of mixes are drawn, where there are other sounds than those of videos.

    `kinds` are the shares of a label's kinds of recordings: `video`, `phrase`, `tune` (of single notes), `synth`,
    `ensemble`; those that a label has none of fall to the others, and one of which there are less than `full_s` seconds
    gets less. Within a kind a group counts by the root of its seconds. Labels that videos are of are drawn alike, but
    `further` of the sources are of labels without videos. `odds` changes what a label has among its own, 1 where
    nothing is told, and `unnamed` is that of every label that names no instrument. Of mixes, `ensembles` are stems of
    one piece that really play together. `chords` are the shares of chords in tunes, by instrument.
    """

    kinds: Mapping[str, float]
    full_s: float = 120.0
    further: float = 0.25
    odds: Mapping[str, float] = field(default_factory=dict)
    unnamed: float = 1.0
    ensembles: float = 0.0
    chords: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a separator is trained.

    A mix has as many sources as `source_odds` draws: entry i are the odds of i + 1, all of different instruments,
    drawn by the `shares`; without shares, of the videos' clips alone. It is asked for its `sources` only, each by its
    own video, as in the paper; for all `instruments` that the clips are of, each by any picture of it, and for nothing
    by a picture of nothing; or for all that have `names`, by codes that are learnt as they are, up to noise of
    `code_noise` on them, and that pictures are compared with afterwards. Losses: see `varemix.training.loss`; the error
    in dB weighs `error_weight`.
    `pictures_per_clip` frames of every clip are kept decoded; where the trunk is frozen (`trunk_rate` 0), features of
    `picture_views` random views of each are kept, and the head first learns the instruments' codes for `code_steps`.
    Rates are for the vision network's trunk and for everything else, but for its head if that has a `head_rate`, and
    for a training that begins with a checkpoint if there is a `start_rate`; they fall tenfold at the epochs
    `rate_drops` ("steps"), all the time ("cosine"), or in the last `fall_share` ("plateau"). With an `averaging` above
    0 the weights are averaged, of which each step keeps this much; the average is validated and kept.
    An epoch draws `examples_per_clip` examples for each training clip, or `examples_per_epoch`. Gradients longer than
    `longest_gradient` are shortened to it. Of each batch, normalisation remembers the share `norm_momentum`, more in
    the first steps: small batches of much changed sounds differ so much that with 0.1 validation is left to chance. An
    example is `example_frames` long, by default as much as the separator hears at once; a network that learnt from
    short ones hears better when it is given longer ones. It learns from material under the `licences` only, in any
    spelling (`varemix.licences`); None takes what there is.
    """

    name: str
    separator: SeparatorSettings
    epochs: int
    examples_per_clip: int
    batch_size: int
    optimiser: Literal["sgd", "adamw"]
    trunk_rate: float
    rate: float
    weight_decay: float
    schedule: Literal["steps", "cosine", "plateau"]
    asked: Asked
    source_odds: tuple[float, ...] = (0.0, 1.0)
    volume_range: tuple[float, float] = (0.5, 1.0)
    augmentation: Augmentation = Augmentation()
    pictures_per_example: int = 3
    picture_stride: int = 24
    pictures_per_clip: int = 32
    picture_views: int = 1
    code_steps: int = 0
    head_rate: float | None = None
    start_rate: float | None = None
    rate_drops: tuple[int, ...] = ()
    fall_share: float = 0.5
    averaging: float = 0.0
    examples_per_epoch: int | None = None
    shares: Shares | None = None
    code_noise: float = 0.0
    error_weight: float = 0.05
    initialisation: Literal["pixels", "default"] = "default"
    precision: Literal["float32", "bfloat16"] = "float32"
    longest_gradient: float | None = None
    norm_momentum: float = 0.1
    example_frames: int | None = None
    num_validation_examples: int = 64
    licences: tuple[str, ...] | None = None
    seed: int = 0

    @property
    def num_sources(self) -> int:
        """The most sources a mix has."""
        return len(self.source_odds)

    @property
    def window_samples(self) -> int:
        """Samples of one example, a few less than its frames' hops so that it has just these; the paper's 262,140."""
        return (self.example_frames or self.separator.window_frames) * self.separator.grid.hop_samples - 4

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain JSON-like values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Return the recipe that `as_dict` told, also when it went through JSON. TrainingError for other values."""
        try:
            parts = {
                "separator": SeparatorSettings(**values["separator"]),
                "augmentation": Augmentation(**_with_tuples(values["augmentation"])),
                "shares": Shares(**values["shares"]) if values.get("shares") else None,
            }
            return cls(**_with_tuples(values) | parts)
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"The values are those of no recipe of this varemix ({error}).") from error


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in dict(values).items()}


def paper() -> Recipe:
    """Return what the paper does: dilated ResNet-18, the 7-level U-Net, binary masks, 85 epochs of SGD.

    Source: Yang, Wei, Lerch 2020, on the recipe of Zhao et al. 2018 (100 examples a clip and epoch, rates falling
    at epochs 40 and 80).
    """
    return Recipe(
        name="paper",
        separator=SeparatorSettings(
            vision="resnet18_dilated",
            sound="pixels",
            num_maps=32,
            widths=(64, 128, 256, 512, 512, 512, 512),
            window_frames=512,
            masks="binary",
            has_rivals=False,
            grid=PAPER_GRID,
        ),
        epochs=85,
        examples_per_clip=100,
        batch_size=16,
        optimiser="sgd",
        trunk_rate=1e-4,
        rate=1e-3,
        weight_decay=1e-4,
        schedule="steps",
        asked="sources",
        rate_drops=(40, 80),
        initialisation="pixels",
        num_validation_examples=256,
    )


def coarse() -> Recipe:
    """Return a recipe for few recordings on the paper's coarse grid: two small sound networks side by side."""
    return Recipe(
        name="coarse",
        separator=SeparatorSettings(
            vision="efficientnet_lite2",
            sound="residual",
            num_maps=32,
            widths=(32, 48, 96, 128, 192, 256),
            window_frames=512,
            masks="soft",
            has_rivals=True,
            grid=replace(PAPER_GRID, floor=1e-3),
            num_sound_networks=2,
        ),
        epochs=21,
        examples_per_clip=20,
        batch_size=8,
        optimiser="adamw",
        trunk_rate=0.0,
        rate=3e-3,
        head_rate=1e-4,
        weight_decay=1e-1,
        schedule="plateau",
        asked="instruments",
        source_odds=(0.1, 0.5, 0.4),
        volume_range=(0.5, 1.5),
        augmentation=Augmentation(
            pitch_semitones=5.0,
            equaliser_db=9.0,
            room_share=0.5,
            low_pass_share=0.2,
            doubled_share=0.4,
            noise_share=0.5,
            levelled_share=0.5,
            level_db=(-4.0, 14.0),
            hidden_share=0.7,
        ),
        pictures_per_example=1,
        pictures_per_clip=2,
        picture_views=3,
        code_steps=500,
        precision="bfloat16",
        longest_gradient=5.0,
        norm_momentum=0.01,
        example_frames=256,
        num_validation_examples=128,
    )


REFERENCE_GRID = Grid(window_samples=4096, hop_samples=1024, log_rows=512, floor=4e-3)
"""The trained network's: bins of 11 Hz, so that the harmonics of two instruments lie apart."""


def reference() -> Recipe:
    """Return the recipe of the shipped checkpoint: it sees harmonics whole, and learns from everything that sounds.

    It pays where there is variety; of few recordings it learns them by heart, and `coarse` is better.
    """
    return Recipe(
        name="reference",
        separator=SeparatorSettings(
            vision="efficientnet_lite2_multiscale",
            sound="residual",
            num_maps=32,
            widths=(48, 96, 160, 224, 288, 384),
            window_frames=256,
            masks="soft",
            has_rivals=True,
            grid=REFERENCE_GRID,
            frequency_blocks=True,
            reading=ReadingRule(power=0.75, temperature=1.2, asked_weight=0.75),
        ),
        epochs=28,
        examples_per_clip=0,
        examples_per_epoch=12_800,
        batch_size=64,
        optimiser="adamw",
        trunk_rate=0.0,
        rate=3e-3,
        start_rate=2.5e-4,
        weight_decay=1e-1,
        schedule="plateau",
        fall_share=0.35,
        averaging=0.999,
        asked="names",
        code_noise=0.5,
        error_weight=0.2,
        source_odds=(0.06, 0.5, 0.32, 0.12),
        shares=Shares(
            kinds={"phrase": 0.42, "video": 0.3, "tune": 0.18, "synth": 0.12, "ensemble": 0.04},
            odds={"piano": 2.5, "drums": 2.5, "voice": 2.5, "electric_guitar": 1.5, "bass": 1.5},
            unnamed=0.6,
            ensembles=0.15,
            chords={"accordion": 0.5, "piano": 0.5, "harp": 0.5, "drums": 0.5}
            | {"acoustic_guitar": 0.3, "mandolin": 0.3, "banjo": 0.3, "xylophone": 0.25},
        ),
        augmentation=Augmentation(
            pitch_semitones=5.0,
            equaliser_db=8.0,
            room_share=0.5,
            low_pass_share=0.3,
            doubled_share=0.25,
            noise_share=0.5,
            levelled_share=1.0,
            volume_spread_db=4.0,
            level_db=(-4.0, 24.0),
            hidden_share=0.5,
        ),
        precision="bfloat16",
        longest_gradient=5.0,
        example_frames=128,
        num_validation_examples=256,
    )


def clean() -> Recipe:
    """Return `reference`, learning only from what a business may sell a product of."""
    return replace(reference(), name="clean", licences=BUSINESS)


def tiny() -> Recipe:
    """Return the recipe of demonstrations and tests: minutes on two cores, and masks that show what it is about."""
    return Recipe(
        name="tiny",
        separator=SeparatorSettings(
            vision="efficientnet_lite0",
            sound="residual",
            num_maps=16,
            widths=(16, 32, 48, 64, 96),
            window_frames=128,
            masks="soft",
            has_rivals=True,
            grid=replace(PAPER_GRID, floor=1e-3),
        ),
        epochs=10,
        examples_per_clip=16,
        batch_size=8,
        optimiser="adamw",
        trunk_rate=0.0,
        rate=4e-3,
        weight_decay=1e-2,
        schedule="cosine",
        asked="instruments",
        pictures_per_example=1,
        pictures_per_clip=4,
        picture_views=2,
        code_steps=100,
        norm_momentum=0.02,
        num_validation_examples=32,
    )


def begins_with(recipe: Recipe, settings: SeparatorSettings) -> bool:
    """Return whether a training by the recipe can begin with the weights of a separator of these settings.

    How masks are read is no matter of weights; learning by name leaves the pictures to be learnt afterwards.
    """
    own = recipe.separator
    free: dict[str, Any] = {"vision": own.vision, "recognises": own.recognises} if recipe.asked == "names" else {}
    return replace(settings, reading=own.reading, **free) == own


def may_go_on_from(recipe: Recipe, provenance: Mapping[str, Any]) -> bool:
    """Return whether a training by the recipe may begin with weights of a provenance, as a checkpoint's header has it.

    Where the recipe keeps to licences, those weights must have been learnt under these licences alone, too.
    """
    if recipe.licences is None:
        return True
    parent = provenance.get("recipe")
    told = parent.get("licences") if isinstance(parent, Mapping) else None
    learnt_under = told if told and isinstance(told, list | tuple) else [UNSTATED]
    return all(is_allowed(str(licence), recipe.licences) for licence in learnt_under)


def with_trunk(recipe: Recipe) -> Recipe:
    """Return the recipe that `without_trunk` was given."""
    vision = recipe.separator.vision.removesuffix(NO_TRUNK)
    return replace(recipe, separator=replace(recipe.separator, vision=vision))  # type: ignore[arg-type]


def without_trunk(recipe: Recipe) -> Recipe:
    """Return the recipe of the same training where no picture is looked at: a vision network without its trunk.

    Raises TrainingError for a recipe whose trunk learns, and so must look.
    """
    if recipe.trunk_rate > 0:
        raise TrainingError(
            f"Recipe '{recipe.name}' looks at pictures all the time and cannot be bundled; bundle reference, clean or "
            "coarse, or train it here."
        )
    settings = replace(recipe.separator, vision=f"{recipe.separator.vision}{NO_TRUNK}", recognises=False)  # type: ignore[arg-type]
    return replace(recipe, separator=settings)


RECIPES: dict[str, Callable[[], Recipe]] = {
    "paper": paper,
    "reference": reference,
    "clean": clean,
    "coarse": coarse,
    "tiny": tiny,
}


def steps_per_epoch(recipe: Recipe, num_clips: int) -> int:
    """Return how many steps an epoch over so many training clips has."""
    num_examples = recipe.examples_per_epoch or num_clips * recipe.examples_per_clip
    return -(-num_examples // recipe.batch_size)


def num_steps(recipe: Recipe, num_clips: int) -> int:
    """Return how many steps a training on so many clips has."""
    return recipe.epochs * steps_per_epoch(recipe, num_clips)


def named_recipe(name: str) -> Recipe:
    """Return the recipe of that name; UsageError with the names there are for another."""
    if name not in RECIPES:
        raise UsageError(f"There is no recipe '{name}'; the recipes are {', '.join(RECIPES)}.")
    return RECIPES[name]()
