"""The command line, thin over the flows: options in, a summary and an exit code out.

Exit codes: 0 all done; 1 nothing could be done; 2 wrong usage; 3 done but for the listed items. What a person got wrong
is said before a flow starts, so that no server is started for it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.options import (
    AbsentOption,
    CheckpointOption,
    CollectOption,
    CompareOption,
    DecayOption,
    DeviceOption,
    DryRunOption,
    DryWetOption,
    FormatOption,
    GainOption,
    HomeOption,
    ImageOption,
    ImagesOption,
    InstrumentOption,
    JsonOption,
    LoudnessOption,
    NothingElseOption,
    OthersOption,
    PairsOption,
    PhotosOption,
    PlanOption,
    PresetOption,
    ProcessesOption,
    RecipeOption,
    SourceOption,
    SourcesOption,
    StartOption,
    StillsOption,
    StudiedOption,
    TargetOption,
    TemplateOption,
    TruePeakOption,
)
from flows.terminal import NOTHING_DONE, errors_in_words, finish, print_json, say, show_page
from varemix.errors import UsageError

if TYPE_CHECKING:
    from catalog.store import Catalog
    from varemix.remix.plan import RemixPlan

app = typer.Typer(
    name="varemix",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Remix whole libraries of recordings by showing pictures of the instruments to make louder or softer.",
)


@app.command()
def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what is installed, found and reachable, and how to mend what is not."""
    from flows.doctor import as_dicts, examine

    findings = examine(home)
    if as_json:
        print_json({"findings": as_dicts(findings)})
    else:
        for finding in findings:
            say(f"{'well' if finding.is_well else 'BAD '}  {finding.what}: {finding.found}")
            if not finding.is_well:
                say(f"      {finding.remedy}")
    raise typer.Exit(0 if all(finding.is_well for finding in findings) else NOTHING_DONE)


@app.command()
def refresh(
    source: SourceOption = "music",
    url_template: TemplateOption = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many from the top.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download what is new in a list of videos, and make clips of it."""
    from flows.refresh import listed_videos, refresh

    _open_catalog(home)
    listed_videos(source, url_template, limit)
    finish([refresh(source, url_template, limit, home)], as_json=as_json)


@app.command()
def train(
    recipe: RecipeOption = "reference",
    device: DeviceOption = "auto",
    photos: PhotosOption = None,
    start: StartOption = None,
    processes: ProcessesOption = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
    resume: Annotated[bool, typer.Option("--resume/--restart", help="Go on where an earlier run stopped.")] = True,
) -> None:
    """Train a recipe on the clips of the catalog."""
    from flows.train import train
    from tasks.train import plan_training
    from varemix.training.devices import chosen_device

    chosen_device(device)
    folder = str(photos) if photos else None
    plan = plan_training(_open_catalog(home), recipe, folder, start)
    if not resume:
        plan.forget_unfinished()
    finish([train(recipe, device, folder, start, processes, home)], as_json=as_json)


@app.command()
def evaluate(
    checkpoint: CheckpointOption = None,
    compare: CompareOption = None,
    split: Annotated[str, typer.Option("--split", help="val, test or train.")] = "val",
    pairs: PairsOption = 64,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the drawing of pairs.")] = 0,
    stills: StillsOption = None,
    sources: SourcesOption = 2,
    images_per_source: ImagesOption = 1,
    studied: StudiedOption = 16,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a checkpoint on mixes of two instruments, or of more, and write a report to look at and listen to.

    It says how well each instrument is separated, how good remixes are, how far gains are achieved, how quiet wrong
    pictures stay, whether it is told what plays, and with --stills which pictures are taken for what they show. With
    --compare it says whether one checkpoint is better than another.
    """
    from flows.evaluate import drawn_questions, evaluate
    from tasks.checkpoints import checkpoint_row
    from tasks.clips import usable_clips

    catalog = _open_catalog(home)
    for name in compare or (checkpoint,):
        checkpoint_row(catalog, name)
    folder = str(stills) if stills else None
    drawn_questions(usable_clips(catalog, split), pairs, seed, folder, sources, images_per_source)
    if compare:
        from flows.compare import compare as compare_both

        finish(compare_both(*compare, split, pairs, seed, folder, sources, home), as_json=as_json)
    drawn = (checkpoint, split, pairs, seed, folder, sources, images_per_source, studied)
    finish([evaluate(*drawn, home)], as_json=as_json)


@app.command()
def masks(
    library: Annotated[Path | None, typer.Argument(help="Folder of recordings; only read.")] = None,
    instrument: InstrumentOption = None,
    image: ImageOption = None,
    nothing_else: NothingElseOption = False,
    gc: CollectOption = False,
    checkpoint: CheckpointOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hear every recording of a library and keep the masks; or, with --gc, remove the masks that nothing needs."""
    if gc:
        from flows.housekeeping import housekeeping

        finish([housekeeping(str(_open_catalog(home).home.root))], as_json=as_json)
    if library is None:
        raise UsageError("No library was given; give the folder of recordings to hear, or --gc.")
    from flows.masks import masks

    _check_asked(home, library, checkpoint, [*(instrument or []), *(image or [])], nothing_else=nothing_else)
    finish([masks(str(library), instrument, image, nothing_else, checkpoint, home)], as_json=as_json)


@app.command()
def pin(
    checkpoint: Annotated[str, typer.Argument(help="Id of the checkpoint.")],
    why: Annotated[str, typer.Option("--why", help="What for, to be read later.")] = "by hand",
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
    home: HomeOption = None,
) -> None:
    """Keep what a checkpoint made, though it is not the champion."""
    from tasks.tidy import pin

    pin(_open_catalog(home), checkpoint, None if off else why)
    say(f"{checkpoint}: {'not pinned' if off else 'pinned'}")


@app.command()
def remix(
    source: Annotated[Path, typer.Argument(help="A recording, or a folder of them; only read.")],
    out: Annotated[Path, typer.Option("--out", help="The remix's file, or the folder for remixes.")],
    gain: GainOption = None,
    plan: PlanOption = None,
    preset: PresetOption = None,
    target: TargetOption = None,
    others: OthersOption = None,
    decay: DecayOption = None,
    dry_wet: DryWetOption = None,
    even_if_absent: AbsentOption = False,
    nothing_else: NothingElseOption = False,
    format_name: FormatOption = None,
    loudness: LoudnessOption = None,
    true_peak: TruePeakOption = None,
    dry_run: DryRunOption = False,
    checkpoint: CheckpointOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make instruments louder or softer in one recording, or in all of a folder.

    A recording in which they do not play is left as it is. With --nothing-else name all that plays, what shall stay
    with a gain of 0. Options come in the place of what a plan or a preset says.
    """
    from flows.wishes import wished_plan

    wished = wished_plan(
        gain or [],
        file=plan,
        preset_name=preset,
        targets=target or [],
        others=others or [],
        smoothing=decay,
        dry_wet=dry_wet,
        even_if_absent=even_if_absent or None,
        nothing_else=nothing_else or None,
        format=format_name,
        loudness=loudness,
        true_peak_db=true_peak,
    )
    if source.is_dir():
        from flows.remix import check_remix, remix

        check_remix(_open_catalog(home), source, out, wished, checkpoint)
        if dry_run:
            _show_preview(source, out, wished, checkpoint, home, as_json=as_json)
            return
        finish([remix(str(source), str(out), wished, checkpoint, home)], as_json=as_json)
    else:
        if dry_run:
            raise UsageError("--dry-run is for folders; give a library, or leave it out.")
        from flows.one_file import open_separator, remix_file

        made = remix_file(_existing_file(source), out, wished, lambda: open_separator(checkpoint, home))
        print_json({"out": str(out), **made.facts()}) if as_json else say(f"{out}: {made.in_words()}")


@app.command()
def presets(name: Annotated[str | None, typer.Argument(help="Print this one, to be copied.")] = None) -> None:
    """List the presets for `remix`, or print one as the file that it is."""
    from varemix.remix.presets import preset_text, presets

    say(preset_text(name).rstrip() if name else "\n".join(f"{own}: {what}" for own, what in presets().items()))


@app.command()
def separate(
    source: Annotated[Path, typer.Argument(help="A recording, or a folder of them; only read.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the stems.")],
    instrument: InstrumentOption = None,
    image: ImageOption = None,
    nothing_else: NothingElseOption = False,
    checkpoint: CheckpointOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut stems of instruments out of one recording, or of all in a folder."""
    targets = [*(instrument or []), *(image or [])]
    if not targets:
        raise UsageError("No instrument was given; say which to cut out, for example --instrument violin.")
    if source.is_dir():
        from flows.remix import checked_out
        from flows.separate import separate

        checked_out(source, out)
        _check_asked(home, source, checkpoint, targets, nothing_else=nothing_else)
        finish([separate(str(source), str(out), targets, nothing_else, checkpoint, home)], as_json=as_json)
    else:
        from flows.one_file import open_separator, separate_file

        stems = separate_file(
            _existing_file(source),
            out,
            targets,
            lambda: open_separator(checkpoint, home),
            nothing_else=nothing_else,
        )
        cut = {str(stem): reason for stem, reason in stems.items()}
        if as_json:
            print_json({"stems": list(cut), "reasons": {stem: reason for stem, reason in cut.items() if reason}})
        else:
            say(*(f"{stem}: {reason}" if reason else stem for stem, reason in cut.items()))


@app.command()
def nightly(
    library: Annotated[Path, typer.Option("--library", help="Folder of recordings; only read.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the remixes.")],
    gain: GainOption = None,
    plan: PlanOption = None,
    source: SourceOption = "music",
    url_template: TemplateOption = None,
    recipe: RecipeOption = "reference",
    pairs: PairsOption = 64,
    stills: StillsOption = None,
    device: DeviceOption = "auto",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the whole night: refresh, train, evaluate, promote, masks, remix."""
    from flows.nightly import check_night, nightly
    from flows.wishes import wished_plan

    folder, wished = str(stills) if stills else None, wished_plan(gain or [], file=plan)
    check_night(_open_catalog(home), library, out, wished, source, url_template, recipe, folder, device)
    stages = nightly(str(library), str(out), wished, source, url_template, recipe, pairs, folder, device, home)
    finish(stages, as_json=as_json)


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what the catalog holds, and what failed and why."""
    from flows.status import page, status

    found = status(home)
    print_json(found) if as_json else show_page(page(found))


def main() -> None:
    """Run the command line; errors that a person can mend are said in one line, without a traceback."""
    with errors_in_words():
        _check_arguments()
        app()


def _check_arguments() -> None:
    """Raise UsageError for names of files that no table and no terminal could write down."""
    for argument in sys.argv[1:]:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise UsageError(f"{argument!a} is no text in UTF-8; rename the file or folder.")


def _open_catalog(home: str | None) -> "Catalog":
    from catalog.files import Home
    from catalog.store import Catalog

    return Catalog(Home.open(home))


def _check_asked(
    home: str | None, library: Path, checkpoint: str | None, targets: Sequence[str], *, nothing_else: bool
) -> None:
    """Raise an error unless library and checkpoint are there and serve, every name is known, every picture readable."""
    from flows.masks import checked_library
    from tasks.checkpoints import checkpoint_row
    from tasks.masks import check_rivals
    from tasks.queries import asked, known_instruments

    catalog = _open_catalog(home)
    checked_library(catalog, library)
    row = checkpoint_row(catalog, checkpoint)
    if nothing_else:
        check_rivals(catalog, row)
    known = known_instruments(catalog, row)
    for target in targets:
        asked(target, known)


def _show_preview(
    library: Path, out: Path, plan: "RemixPlan", checkpoint: str | None, home: str | None, *, as_json: bool
) -> None:
    from flows.preview import page, preview

    found = preview(_open_catalog(home), library, out, plan, checkpoint)
    print_json(found) if as_json else show_page(page(found))


def _existing_file(source: Path) -> Path:
    if not source.is_file():
        raise UsageError(f"There is no recording or folder '{source}'; give the path of one.")
    return source
