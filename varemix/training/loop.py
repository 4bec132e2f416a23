"""Training of what lies in a catalog: from clips, sounds and photos to a checkpoint."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from varemix.errors import TrainingError
from varemix.media.clips import Clip
from varemix.media.video import read_frames
from varemix.model.checkpoint import load_checkpoint
from varemix.model.separator import Separator
from varemix.model.vision import load_imagenet
from varemix.training.book import PictureBook
from varemix.training.codes import teach_codes
from varemix.training.devices import as_training_error, chosen_device
from varemix.training.examples import check_recordings
from varemix.training.heads import fit_head
from varemix.training.kept_features import KeptFeatures
from varemix.training.material import Material
from varemix.training.names import named_codes
from varemix.training.pace import FULL_PACE, Pace
from varemix.training.pictures import open_book, spread
from varemix.training.recipe import Recipe, begins_with, without_trunk
from varemix.training.run import Progress, Run
from varemix.training.soundbank import Recording, SoundBank, lay_down, recordings_of
from varemix.training.state import History
from varemix.training.team import joined_team

_HEAD = "vision.head."
_VISION = "vision."
_TRUNK = "vision.trunk."


def train(
    recipe: Recipe,
    material: Material,
    folder: Path,
    *,
    start: Path | None = None,
    device: str = "auto",
    pace: Pace = FULL_PACE,
    report: Callable[[Progress], None] = lambda progress: None,
) -> History:
    """Train and leave `checkpoint.safetensors`, the best by validation loss, in `folder`.

    Goes on from `folder/state.pt` if there is one; on a CPU the losses are then exactly those of an undisturbed run.
    `start` is a checkpoint of the same separator whose weights are begun with. Stopped by the pace before the end, its
    state is saved. Started by torchrun, processes share the batches. Raises TrainingError when the material does not
    allow it, the device is missing or too small, or the loss stops being a number.
    """
    recordings = recordings_of(material.clips, material.sounds)
    for split in ("train", "val"):
        check_recordings(recordings, recipe, split)
    place = chosen_device(device)
    folder.mkdir(parents=True, exist_ok=True)
    with joined_team(place) as team, as_training_error(recipe, folder):
        separator = new_separator(recipe, start).to(place)
        with team.first_alone():
            bank = opened_bank(recipe, material, recordings, folder, place)
            book = opened_book(recipe, separator, material, recordings, folder)
        run = Run(
            recipe,
            separator,
            bank,
            book,
            folder,
            team,
            is_new=start is None,
            finish=lambda trained: with_head(recipe, trained, material, folder),
        )
        return run.go(pace, report)


def new_separator(recipe: Recipe, start: Path | None = None) -> Separator:
    """Return the recipe's separator before its first step, the same for the same seed and start.

    Raises TrainingError when the checkpoint to start from is of another separator.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        begun = load_checkpoint(start) if start else None
        separator = Separator(recipe.separator, begun.instruments if begun else ())
        if recipe.initialisation == "pixels":
            separator.sound.apply(_initialise)
    if begun is None:
        load_imagenet(recipe.separator.vision, separator.vision)
        return separator
    if not begins_with(recipe, begun.settings):
        raise TrainingError(
            f"'{start}' holds another separator than recipe '{recipe.name}' trains. "
            "Start from a model of that recipe, or from none."
        )
    has_trunk = begun.settings.vision == recipe.separator.vision
    if not has_trunk:
        load_imagenet(recipe.separator.vision, separator.vision)
    left_out = (_HEAD if has_trunk else _VISION) if recipe.asked == "names" else "nothing"
    own = {name: value for name, value in begun.state_dict().items() if not name.startswith(left_out)}
    separator.load_state_dict(separator.state_dict() | own)
    return separator


def opened_bank(
    recipe: Recipe, material: Material, recordings: Sequence[Recording], folder: Path, device: torch.device
) -> SoundBank:
    """Return the bank of the material, which is laid down in the folder unless it lies there."""
    return SoundBank.open(recordings, laid_down_samples(recipe, material, folder), device)


def laid_down_samples(recipe: Recipe, material: Material, folder: Path) -> Path:
    """Return the file of a bank's samples, which is written to the folder unless it lies there."""
    path = folder / "samples.npy"
    if not path.exists():
        chords = recipe.shares.chords if recipe.shares else {}
        lay_down(path, material.clips, material.sounds, chord_shares=chords, seed=recipe.seed)
    return path


def beginning(
    recipe: Recipe, material: Material, recordings: Sequence[Recording], folder: Path, start: Path | None
) -> tuple[Separator, Path | None]:
    """Return the separator before its first step but for its trunk, and the file of features that stands for that."""
    whole = new_separator(recipe, start)
    features = None
    if recipe.asked != "names":
        book = opened_book(recipe, whole, material, recordings, folder)
        assert isinstance(book, KeptFeatures)
        features = folder / "features.safetensors"
        if start is None:
            teach_codes(whole, book, recipe)
    bare = Separator(without_trunk(recipe).separator, whole.instruments)
    own = {name: value for name, value in whole.state_dict().items() if not name.startswith(_TRUNK)}
    bare.load_state_dict(bare.state_dict() | own)
    return bare.eval(), features


def with_own_trunk(recipe: Recipe, returned: Path) -> Separator:
    """Return the separator of a checkpoint that was trained without its trunk, which stayed as ImageNet taught it."""
    bare = load_checkpoint(returned)
    whole = Separator(recipe.separator, bare.instruments)
    load_imagenet(recipe.separator.vision, whole.vision)
    whole.load_state_dict(whole.state_dict() | bare.state_dict())
    return whole.eval()


def opened_book(
    recipe: Recipe, separator: Separator, material: Material, recordings: Sequence[Recording], folder: Path
) -> PictureBook:
    """Return what asks for instruments as the recipe wants; pictures that are looked at are kept in the folder."""
    if recipe.asked == "names":
        return named_codes(recipe, separator, recordings)
    return open_book(recipe, separator, material.clips, material.photos, folder)


def with_head(recipe: Recipe, separator: Separator, material: Material, folder: Path) -> Separator:
    """Return a separator that learnt by name with a head that compares pictures with instruments.

    It is fitted to the photos, and of an instrument that has none to a few frames of its videos. Separators that learnt
    from pictures stay as they are.
    """
    if recipe.asked != "names":
        return separator
    photos = {name: list(paths) for name, paths in material.photos.items() if paths}
    for clip in material.clips["train"]:
        if not material.photos.get(clip.instrument):
            photos.setdefault(clip.instrument, []).extend(_frames_of(clip, recipe, folder / "frames"))
    known = {name: paths for name, paths in photos.items() if name in separator.instruments}
    return fit_head(separator, known, material.strangers, may_lack=True)


def _frames_of(clip: Clip, recipe: Recipe, folder: Path) -> list[Path]:
    """Return files of a few frames of a clip, named as of one owner."""
    folder.mkdir(exist_ok=True)
    chosen = spread(clip.num_frames, recipe.pictures_per_clip).tolist()
    paths = [folder / f"{clip.clip_id}__{number}.jpg" for number in chosen]
    for path, jpeg in zip(paths, read_frames(clip.frames_path, chosen), strict=True):
        path.write_bytes(jpeg)
    return paths


def _initialise(module: nn.Module) -> None:
    """Start as the Sound of Pixels does: small normal convolutions, batch normalisation around 1."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.001)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
