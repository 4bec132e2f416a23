"""Commands that serve recordings: which instruments are heard, masks, remixes, stems."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.checks import check_asked, choose_runner, existing_file, open_catalog
from flows.commands.server import check_server
from flows.options import (
    AbsentOption,
    BesideOption,
    CheckpointOption,
    CollectOption,
    DecayOption,
    DryRunOption,
    DryWetOption,
    FormatOption,
    GainOption,
    HomeOption,
    ImageOption,
    InstrumentOption,
    JsonOption,
    LoudnessOption,
    NothingElseOption,
    OthersOption,
    PlanOption,
    PresetOption,
    RunnerAddressOption,
    RunnerOption,
    SmoothingOption,
    TargetOption,
    TruePeakOption,
    UnknownOption,
)
from flows.terminal import finish_run, print_json, say, show_page
from varemix.errors import UsageError

if TYPE_CHECKING:
    from varemix.remix.plan import RemixPlan


def instruments(checkpoint: CheckpointOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the instruments that are known by name, and how well each is heard."""
    from flows.instruments import as_dicts, page
    from tasks.checkpoints import checkpoint_row
    from tasks.queries import known_qualities

    catalog = open_catalog(home)
    row = checkpoint_row(catalog, checkpoint)
    qualities = known_qualities(catalog, row)
    if as_json:
        print_json({"checkpoint": row["checkpoint_id"], "instruments": as_dicts(qualities)})
    else:
        show_page(page(row["checkpoint_id"], qualities))


def masks(
    library: Annotated[Path | None, typer.Argument(help="Folder of recordings; only read.")] = None,
    instrument: InstrumentOption = None,
    image: ImageOption = None,
    even_if_unknown: UnknownOption = False,
    nothing_else: NothingElseOption = False,
    gc: CollectOption = False,
    checkpoint: CheckpointOption = None,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hear every recording of a library and keep the masks; or, with --gc, remove the masks that nothing needs."""
    check_server()
    choose_runner(runner, runner_address)
    if gc:
        from flows.housekeeping import housekeeping

        finish_run(lambda: housekeeping(open_catalog(home).home.address), as_json=as_json)
    if library is None:
        raise UsageError("No library was given; give the folder of recordings to hear, or --gc.")
    from flows.masks import masks

    targets = [*(instrument or []), *(image or [])]
    check_asked(home, library, checkpoint, targets, nothing_else=nothing_else, even_if_unknown=even_if_unknown)
    finish_run(
        lambda: masks(str(library), instrument, image, nothing_else, checkpoint, home, even_if_unknown),
        as_json=as_json,
    )


def remix(
    source: Annotated[Path, typer.Argument(help="A recording, or a folder of them; only read.")],
    out: Annotated[Path, typer.Option("--out", help="The remix's file, or the folder for remixes.")],
    gain: GainOption = None,
    plan: PlanOption = None,
    preset: PresetOption = None,
    target: TargetOption = None,
    others: OthersOption = None,
    smoothing: SmoothingOption = None,
    decay: DecayOption = None,
    dry_wet: DryWetOption = None,
    even_if_absent: AbsentOption = False,
    even_if_unknown: UnknownOption = False,
    nothing_else: NothingElseOption = False,
    format_name: FormatOption = None,
    loudness: LoudnessOption = None,
    true_peak: TruePeakOption = None,
    dry_run: DryRunOption = False,
    beside: BesideOption = False,
    checkpoint: CheckpointOption = None,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make instruments louder or softer in one recording, or in all of a folder.

    A recording in which they do not play is left as it is. With --nothing-else name all that plays, what shall stay
    with a gain of 0. Options come in the place of what a plan or a preset says.
    """
    choose_runner(runner, runner_address)
    from flows.wishes import wished_plan

    wished = wished_plan(
        gain or [],
        file=plan,
        preset_name=preset,
        targets=target or [],
        others=others or [],
        smoothing_s=smoothing,
        decay=decay,
        dry_wet=dry_wet,
        even_if_absent=even_if_absent or None,
        even_if_unknown=even_if_unknown or None,
        nothing_else=nothing_else or None,
        format=format_name,
        loudness=loudness,
        true_peak_db=true_peak,
    )
    if source.is_dir():
        if not dry_run:
            check_server()
        from flows.remix import check_remix, remix

        check_remix(open_catalog(home), source, out, wished, checkpoint)
        if dry_run:
            _show_preview(source, out, wished, checkpoint, home, as_json=as_json)
            return
        finish_run(lambda: remix(str(source), str(out), wished, checkpoint, home, beside), as_json=as_json)
    else:
        if dry_run:
            raise UsageError("--dry-run is for folders; give a library, or leave it out.")
        if beside:
            raise UsageError("--beside is for folders; give a library, or leave it out.")
        from flows.one_file import open_separator, remix_file

        made = remix_file(existing_file(source), out, wished, lambda: open_separator(checkpoint, home))
        print_json({"out": str(out), **made.facts()}) if as_json else say(f"{out}: {made.in_words()}")


def presets(name: Annotated[str | None, typer.Argument(help="Print this one, to be copied.")] = None) -> None:
    """List the presets for `remix`, or print one as the file that it is."""
    from varemix.remix.presets import preset_text, presets

    say(preset_text(name).rstrip() if name else "\n".join(f"{own}: {what}" for own, what in presets().items()))


def separate(
    source: Annotated[Path, typer.Argument(help="A recording, or a folder of them; only read.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the stems.")],
    instrument: InstrumentOption = None,
    image: ImageOption = None,
    even_if_unknown: UnknownOption = False,
    nothing_else: NothingElseOption = False,
    checkpoint: CheckpointOption = None,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut stems of instruments out of one recording, or of all in a folder."""
    choose_runner(runner, runner_address)
    targets = [*(instrument or []), *(image or [])]
    if not targets:
        raise UsageError("No instrument was given; say which to cut out, for example --instrument violin.")
    if source.is_dir():
        check_server()
        from flows.remix import checked_out
        from flows.separate import separate

        checked_out(source, out)
        check_asked(home, source, checkpoint, targets, nothing_else=nothing_else, even_if_unknown=even_if_unknown)
        finish_run(
            lambda: separate(str(source), str(out), targets, nothing_else, checkpoint, home, even_if_unknown),
            as_json=as_json,
        )
    else:
        from flows.one_file import open_separator, separate_file

        stems = separate_file(
            existing_file(source),
            out,
            targets,
            lambda: open_separator(checkpoint, home),
            nothing_else=nothing_else,
            even_if_unknown=even_if_unknown,
        )
        cut = {str(stem): reason for stem, reason in stems.items()}
        if as_json:
            print_json({"stems": list(cut), "reasons": {stem: reason for stem, reason in cut.items() if reason}})
        else:
            say(*(f"{stem}: {reason}" if reason else stem for stem, reason in cut.items()))


def _show_preview(
    library: Path, out: Path, plan: "RemixPlan", checkpoint: str | None, home: str | None, *, as_json: bool
) -> None:
    from flows.preview import page, preview

    found = preview(open_catalog(home), library, out, plan, checkpoint)
    print_json(found) if as_json else show_page(page(found))
