"""One recording, served at once: heard and remixed without Prefect, without masks kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from catalog.files import Home, replacing
from catalog.masks import MaskReader
from catalog.store import Catalog
from tasks.checkpoints import SHIPPED, champion_id, checkpoint_row
from tasks.masks import write_heard
from tasks.presence import absent, measured
from tasks.queries import Query, asked
from tasks.remix import Remixed, wanted_remix, write_remix, write_unchanged
from tasks.separate import stem_name
from varemix.errors import UsageError
from varemix.media.audio import OUTPUT_FORMATS, probe_audio
from varemix.model.checkpoint import load_checkpoint
from varemix.model.separator import Separator
from varemix.remix.gains import is_unity
from varemix.remix.render import render_stems
from varemix.signal.presence import Presence
from varemix.training.devices import chosen_device
from varemix.weights import shipped_checkpoint


def open_separator(checkpoint: str | None, home: str | None) -> Separator:
    """Return the separator of a checkpoint file or id; by default of the champion of the home, else the shipped one."""
    return load_checkpoint(_checkpoint_path(checkpoint, home), chosen_device("auto"))


def _checkpoint_path(checkpoint: str | None, home: str | None) -> Path:
    if checkpoint and checkpoint.endswith(".safetensors"):
        return Path(checkpoint)
    shipped = shipped_checkpoint()
    if shipped and (checkpoint == SHIPPED or (checkpoint is None and not _has_champion(home))):
        return shipped
    catalog = Catalog(Home.open(home))
    return catalog.home.absolute(checkpoint_row(catalog, checkpoint)["path"])


def _has_champion(home: str | None) -> bool:
    """Return whether there is a champion to serve, without making a home where there is none."""
    found = Home.chosen(home)
    return found.tables.is_dir() and champion_id(Catalog(found)) is not None


def remix_file(
    source: Path,
    target: Path,
    gains: Sequence[str],
    decay: float,
    separator: Callable[[], Separator],
    *,
    even_if_absent: bool = False,
    nothing_else: bool = False,
) -> Remixed:
    """Write the remix of one recording to the file `target`, the same that it would be as part of a library."""
    format_name = _format_of(source, target)
    probe_audio(source)
    loaded = separator()
    if nothing_else:
        loaded.settings.check_rivals()
    wanted = wanted_remix(gains, decay, loaded.instruments, even_if_absent=even_if_absent, nothing_else=nothing_else)
    with replacing(target) as temporary:
        if is_unity(wanted.gains):
            write_unchanged(source, temporary, format_name)
            return Remixed(rendered=None, absent=(), reason="")
        heard = _heard(source, target.parent, loaded, wanted.queries, nothing_else=nothing_else)
        with heard as (masks, presence):
            return write_remix(source, temporary, masks, presence, wanted, format_name=format_name)


def separate_file(
    source: Path,
    folder: Path,
    targets: Sequence[str],
    separator: Callable[[], Separator],
    *,
    nothing_else: bool = False,
) -> dict[Path, str]:
    """Write a stem for each instrument's name or picture into the folder, named after recording and instrument.

    Returns the stems, and of each that its instrument does not seem to play, or an empty text.
    """
    container = probe_audio(source).container
    loaded = separator()
    if nothing_else:
        loaded.settings.check_rivals()
    queries = [asked(target, loaded.instruments) for target in targets]
    stems = [folder / stem_name(source, Path(target).stem, container) for target in targets]
    if len(set(stems)) < len(stems):
        raise UsageError(f"Two of {', '.join(targets)} would become one file; give each once, or rename a picture.")
    distinct = {query.name: query for query in queries}
    with ExitStack() as stack:
        temporaries = [stack.enter_context(replacing(stem)) for stem in stems]
        heard = _heard(source, folder, loaded, list(distinct.values()), nothing_else=nothing_else)
        masks, presence = stack.enter_context(heard)
        reader = stack.enter_context(MaskReader(masks))
        render_stems(source, temporaries, reader.blocks([query.name for query in queries]))
    missing = absent(presence, queries)
    return {
        stem: f"does not seem to play: {measured(presence, [query])}" if query in missing else ""
        for stem, query in zip(stems, queries, strict=True)
    }


@contextmanager
def _heard(
    source: Path, folder: Path, separator: Separator, queries: Sequence[Query], *, nothing_else: bool
) -> Iterator[tuple[Path, Presence]]:
    """Hear a recording; give its mask file, which lies in the folder for so long, and how far the instruments play."""
    with TemporaryDirectory(prefix=".part-", dir=folder) as place:
        masks = Path(place, "masks.parquet")
        _, presence = write_heard(masks, source, separator, queries, nothing_else=nothing_else)
        yield masks, presence


def _format_of(source: Path, target: Path) -> str | None:
    """Return the format that the name of `target` asks for, None where it is the recording's own.

    Raises UsageError unless the remix can become that file.
    """
    if target.is_dir():
        raise UsageError(f"'{target}' is a folder; for one recording give the name of a file, such as out.wav.")
    if target.resolve() == source.resolve():
        raise UsageError(f"The remix would overwrite its source '{source}'; give another name.")
    suffix = target.suffix.lower()
    if suffix == source.suffix.lower():
        return None
    formats = {wanted.suffix: name for name, wanted in reversed([*OUTPUT_FORMATS.items()])}
    if suffix not in formats:
        raise UsageError(
            f"'{target.name}' has a suffix that stands for no format that can be written; name it "
            f"{target.with_suffix(source.suffix).name} to keep the recording's, or give one of {', '.join(formats)}."
        )
    return formats[suffix]
