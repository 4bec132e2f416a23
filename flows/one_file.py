"""One recording, served at once: heard and remixed without Prefect, without masks kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from catalog.files import replacing
from catalog.ids import file_digest
from catalog.masks import MaskHeader, MaskReader
from flows.output import check_file, format_of
from tasks.makers import maker_of
from tasks.mask_file import Watch, grid_of, write_heard
from tasks.queries import asked, asked_once, check_known, looked_at
from tasks.remix_file import Remixed, called, write_remix, write_unchanged, writing_to
from tasks.serving import serving_file
from tasks.stems import stem_name, told_of_stem
from tasks.terminal_bar import Advance, terminal_bar
from tasks.who_hears import OURS_ALONE, WhoHears
from tasks.wishes import looked_at_plan, plan_queries, wanted_of, writable
from varemix.errors import MediaError, UsageError
from varemix.media.audio import probe_audio, stem_format
from varemix.media.tags import read_tags
from varemix.model.separator import Separator
from varemix.remix.plan import RemixPlan
from varemix.remix.stems import render_stems
from varemix.separators.interface import MaskMaker
from varemix.signal.presence import Presence
from varemix.training.devices import chosen_device


def open_separator(checkpoint: str | None, home: str | None) -> Separator:
    """Return the separator of a checkpoint file or id; by default of the champion of the home, else the shipped one."""
    return Separator.load(serving_file(checkpoint, home), chosen_device("auto"))


def remix_file(source: Path, target: Path, plan: RemixPlan, separator: Callable[[], Separator]) -> Remixed:
    """Write the remix of one recording to the file `target`, the same that it would be as part of a library."""
    check_file(source, target, plan)
    info = probe_audio(source)
    wishes = plan.for_track(source.name, read_tags(source), info.duration_s)
    if fault := wishes.fault(info.duration_s):
        raise MediaError(f"'{source.name}' cannot be remixed so. {fault}")
    info = probe_audio(source, audio_stream=wishes.audio_stream) if wishes.audio_stream else info
    nearest = None if wishes.format else writable(wishes, info.written_as).format
    wishes = replace(wishes, format=format_of(source, target, wishes.format, info, nearest))
    queries = {}
    if plan.targets():
        loaded = separator()
        if any(variant.nothing_else for variant in plan.variants()):
            loaded.settings.check_rivals()
        queries = looked_at_plan(plan, plan_queries(plan, loaded.instruments), lambda: loaded)
    wanted = wanted_of(wishes, queries)
    with writing_to(target), replacing(target) as temporary, called(temporary, target):
        if wishes.is_unity:
            return write_unchanged(source, temporary, wishes)
        maker = maker_of(loaded, wanted.queries, who=wanted.who, nothing_else=wishes.nothing_else)
        heard = _heard(source, target.parent, maker, wanted.names, info.duration_s, audio_stream=wishes.audio_stream)
        with heard as (masks, presence):
            return write_remix(source, temporary, masks, presence, wanted)


def separate_file(
    source: Path,
    folder: Path,
    targets: Sequence[str],
    separator: Callable[[], Separator],
    *,
    nothing_else: bool = False,
    even_if_unknown: bool = False,
    audio_stream: int = 0,
    who: WhoHears = OURS_ALONE,
) -> dict[Path, str]:
    """Write a stem for each instrument's name or picture into the folder, named after recording and instrument.

    Returns the stems, and what is to be told of each: that its instrument does not seem to play, that its picture shows
    none that is known; or an empty text. Raises UsageError for such a picture, unless it is wished even if unknown.
    """
    info = probe_audio(source, audio_stream=audio_stream)
    loaded = separator()
    if nothing_else:
        loaded.settings.check_rivals()
    known = [*loaded.instruments, *who.instruments]
    queries = looked_at([asked(target, known) for target in targets], lambda: loaded)
    check_known(queries, even_if_unknown=even_if_unknown)
    stems = [
        folder / stem_name(source, Path(target).stem, stem_format(info.container, info.written_as))
        for target in targets
    ]
    if len(set(stems)) < len(stems):
        raise UsageError(f"Two of {', '.join(targets)} would become one file; give each once, or rename a picture.")
    distinct = {query.name: query for query in queries}
    with ExitStack() as stack:
        temporaries = [stack.enter_context(replacing(stem)) for stem in stems]
        maker = maker_of(loaded, list(distinct.values()), who=who, nothing_else=nothing_else)
        heard = _heard(source, folder, maker, list(distinct), info.duration_s, audio_stream=audio_stream)
        masks, presence = stack.enter_context(heard)
        reader = stack.enter_context(MaskReader(masks))
        blocks = reader.blocks([query.name for query in queries])
        render_stems(source, temporaries, blocks, grid_of(reader.header), audio_stream=audio_stream)
    return {stem: told_of_stem(presence, query, source, stem) for stem, query in zip(stems, queries, strict=True)}


def hear_file(
    source: Path,
    target: Path,
    targets: Sequence[str],
    separator: Callable[[], Separator],
    *,
    nothing_else: bool = False,
    even_if_unknown: bool = False,
    audio_stream: int = 0,
    who: WhoHears = OURS_ALONE,
) -> Presence:
    """Write the masks of one recording to the mask file `target`; by default of all instruments that are known.

    Returns how far each plays. Raises UsageError for a picture that shows none of them, unless it is wished even so.
    """
    loaded = separator()
    if nothing_else:
        loaded.settings.check_rivals()
    known = list(dict.fromkeys([*loaded.instruments, *who.instruments]))
    queries = looked_at(asked_once(targets or known, known), lambda: loaded)
    check_known(queries, even_if_unknown=even_if_unknown)
    maker = maker_of(loaded, queries, who=who, nothing_else=nothing_else)
    names, digest = [query.name for query in queries], file_digest(source)
    info = probe_audio(source, audio_stream=audio_stream)
    with terminal_bar(f"separate {source.name} [s]", round(info.duration_s)) as advance:
        facts: dict[str, Any] = {"audio_stream": audio_stream, "content_digest": digest}
        _, presence = write_heard(target, source, maker, names, **_shown_by(advance), **facts)
    return presence


@contextmanager
def _heard(
    source: Path, folder: Path, maker: MaskMaker, names: Sequence[str], duration_s: float, *, audio_stream: int
) -> Iterator[tuple[Path, Presence]]:
    """Hear a recording; give its mask file, which lies in the folder for so long, and how far the instruments play."""
    with TemporaryDirectory(prefix=".part-", dir=folder) as place:
        masks = Path(place, "masks.parquet")
        with terminal_bar(f"separate {source.name} [s]", round(duration_s)) as advance:
            shown = _shown_by(advance)
            _, presence = write_heard(masks, source, maker, names, audio_stream=audio_stream, **shown)
        yield masks, presence


def _shown_by(advance: Advance) -> dict[str, Any]:
    """Return what moves a bar on by the seconds that masks are long, and notes how far a separator says that it is."""
    return {
        "watch": _seconds(advance),
        "tell": lambda share: advance(0, f"the separator is at {share:.0%}" if share < 1 else ""),
    }


def _seconds(advance: Advance) -> Watch:
    """Return what moves a bar on by the seconds that masks are long."""
    told_s, heard_s = 0, 0.0

    def watch(header: MaskHeader, masks: np.ndarray) -> None:
        nonlocal told_s, heard_s
        heard_s += masks.shape[-1] * header.hop_samples / header.rate_hz
        advance(int(heard_s) - told_s)
        told_s = int(heard_s)

    return watch
