"""One recording, served at once: heard and remixed without Prefect, without masks kept."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from catalog.files import Home, replacing
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row
from tasks.queries import asked, query_vectors
from tasks.remix import wanted_remix
from varemix.errors import UsageError
from varemix.media.audio import probe_audio
from varemix.model.checkpoint import load_checkpoint
from varemix.model.separator import Separator
from varemix.remix.gains import is_unity
from varemix.remix.render import Rendered, heard_blocks, render_remix, render_stems


def open_separator(checkpoint: str | None, home: str | None) -> Separator:
    """Return the separator of a checkpoint file or id, by default the champion of the home."""
    if checkpoint and checkpoint.endswith(".safetensors"):
        return load_checkpoint(Path(checkpoint))
    catalog = Catalog(Home.open(home))
    return load_checkpoint(catalog.home.absolute(checkpoint_row(catalog, checkpoint)["path"]))


def remix_file(
    source: Path, target: Path, gains: Sequence[str], decay: float, separator: Callable[[], Separator]
) -> Rendered | None:
    """Write the remix of one recording to the file `target`; None when nothing was to change and it was copied."""
    _check_target(source, target)
    probe_audio(source)
    loaded = separator()
    wanted = wanted_remix(gains, decay, loaded.instruments)
    with replacing(target) as temporary:
        if is_unity(wanted.gains):
            shutil.copyfile(source, temporary)
            return None
        masks = loaded.mask_blocks(heard_blocks(source), query_vectors(loaded, wanted.queries))
        return render_remix(source, temporary, masks, wanted.gains, decay=decay)


def separate_file(source: Path, folder: Path, targets: Sequence[str], separator: Callable[[], Separator]) -> list[Path]:
    """Write a stem for each instrument's name or picture into the folder, named after recording and instrument."""
    probe_audio(source)
    loaded = separator()
    queries = [asked(target, loaded.instruments) for target in targets]
    stems = [folder / f"{source.stem} - {Path(target).stem}{source.suffix}" for target in targets]
    if len(set(stems)) < len(stems):
        raise UsageError(f"Two of {', '.join(targets)} would become one file; give each once, or rename a picture.")
    masks = loaded.mask_blocks(heard_blocks(source), query_vectors(loaded, queries))
    with ExitStack() as stack:
        temporaries = [stack.enter_context(replacing(stem)) for stem in stems]
        render_stems(source, temporaries, masks)
    return stems


def _check_target(source: Path, target: Path) -> None:
    """Raise UsageError unless the remix can become the file `target`."""
    if target.is_dir():
        raise UsageError(f"'{target}' is a folder; for one recording give the name of a file, such as out.wav.")
    if target.resolve() == source.resolve():
        raise UsageError(f"The remix would overwrite its source '{source}'; give another name.")
    if target.suffix.lower() != source.suffix.lower():
        raise UsageError(
            f"'{target.name}' has another suffix than '{source.name}'; a remix keeps its recording's format. "
            f"Name it {target.with_suffix(source.suffix).name}."
        )
