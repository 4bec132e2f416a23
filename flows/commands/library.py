"""Commands that serve recordings: which instruments are heard, masks, remixes, stems."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.checks import check_asked, choose_runner, existing_file, open_catalog
from flows.commands.server import check_server
from flows.options import (
    AbsentOption,
    AudioStreamOption,
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
    MaskExponentOption,
    NothingElseOption,
    OthersOption,
    PlanOption,
    PresetOption,
    RunnerAddressOption,
    RunnerOption,
    SeparatorOption,
    SmoothingOption,
    TargetOption,
    TempoOption,
    TransposeOption,
    TruePeakOption,
    UnknownOption,
)
from flows.terminal import doing, finish_run, print_json, say, show_page
from varemix.errors import UsageError

if TYPE_CHECKING:
    from tasks.who_hears import WhoHears
    from varemix.remix.plan import RemixPlan


def instruments(checkpoint: CheckpointOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the instruments that are known by name, and how well each is separated."""
    doing("reading what the model knows")
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
    library: Annotated[Path | None, typer.Argument(help="Folder of recordings, or one; only read.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Of one recording: the file for its masks.")] = None,
    instrument: InstrumentOption = None,
    image: ImageOption = None,
    even_if_unknown: UnknownOption = False,
    nothing_else: NothingElseOption = False,
    audio_stream: AudioStreamOption = None,
    separator: SeparatorOption = None,
    gc: CollectOption = False,
    checkpoint: CheckpointOption = None,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Analyse every recording of a library and store the masks; or, with --gc, tidy up as `varemix housekeeping`."""
    choose_runner(runner, runner_address)
    if gc:
        doing("looking for masks that nothing needs")
        check_server()
        from flows.housekeeping import housekeeping

        finish_run(lambda: housekeeping(open_catalog(home).home.address), as_json=as_json)
    if library is None:
        raise UsageError("No library was given; give the folder of recordings to analyse, or --gc.")
    from flows.judgement import check_library, check_targets
    from tasks.who_hears import parsed_separators, who_hears

    targets = [*(instrument or []), *(image or [])]
    wished = parsed_separators(separator or [])
    who = who_hears(wished)
    if library.is_file():
        _masks_of_file(
            library,
            out,
            targets,
            checkpoint,
            home,
            nothing_else=nothing_else,
            even_if_unknown=even_if_unknown,
            audio_stream=(audio_stream or 1) - 1,
            who=who,
            as_json=as_json,
        )
        return
    if out:
        raise UsageError(
            f"--out is for one recording, and '{library}' is none; masks of a library lie in the data folder."
        )
    check_library(library, home)
    check_targets(targets, checkpoint, home, nothing_else=nothing_else, who=who)
    doing(f"hearing {library}")
    check_server()
    from flows.masks import masks

    check_asked(
        home,
        library,
        checkpoint,
        targets,
        nothing_else=nothing_else,
        even_if_unknown=even_if_unknown,
        others=who.instruments,
    )
    finish_run(
        lambda: masks(
            str(library), instrument, image, nothing_else, checkpoint, home, even_if_unknown, audio_stream or 1, wished
        ),
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
    mask_exponent: MaskExponentOption = None,
    dry_wet: DryWetOption = None,
    even_if_absent: AbsentOption = False,
    even_if_unknown: UnknownOption = False,
    nothing_else: NothingElseOption = False,
    audio_stream: AudioStreamOption = None,
    separator: SeparatorOption = None,
    format_name: FormatOption = None,
    loudness: LoudnessOption = None,
    true_peak: TruePeakOption = None,
    tempo: TempoOption = None,
    transpose: TransposeOption = None,
    dry_run: DryRunOption = False,
    beside: BesideOption = False,
    checkpoint: CheckpointOption = None,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make instruments louder or softer in one recording, or in all of a folder.

    A recording in which they do not play is left unchanged. With --exclusive name all that plays, what shall stay
    with a gain of 0. Options come in the place of what a plan or a preset says.
    """
    choose_runner(runner, runner_address)
    from flows.judgement import check_folders, check_plan
    from flows.output import check_file
    from flows.wishes import wished_plan

    wished = wished_plan(
        gain or [],
        file=plan,
        preset_name=preset,
        targets=target or [],
        others=others or [],
        smoothing_s=smoothing,
        decay=decay,
        mask_exponent=mask_exponent,
        dry_wet=dry_wet,
        force=even_if_absent or None,
        even_if_unknown=even_if_unknown or None,
        exclusive=nothing_else or None,
        separators=separator or [],
        format=format_name,
        audio_stream=audio_stream,
        loudness=loudness,
        true_peak_db=true_peak,
        tempo=tempo,
        transpose=transpose,
    )
    if source.is_dir():
        check_folders(source, out, home)
        check_plan(wished, checkpoint, home)
        doing(f"remixing {source}")
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
        check_file(existing_file(source), out, wished)
        check_plan(wished, checkpoint, home)
        doing(f"remixing {source}")
        from flows.one_file import open_separator, remix_file

        made = remix_file(source, out, wished, lambda: open_separator(checkpoint, home))
        print_json({"out": str(out), **made.facts()}) if as_json else say(f"{out}: {made.in_words()}")


def presets(name: Annotated[str | None, typer.Argument(help="Print this one, to be copied.")] = None) -> None:
    """List the presets for `remix`, or print one as the file that it is."""
    from varemix.remix import presets as kept_presets

    every = "\n".join(f"{own}: {what}" for own, what in kept_presets.presets().items())
    say(kept_presets.preset_text(name).rstrip() if name else every)


def separate(
    source: Annotated[Path, typer.Argument(help="A recording, or a folder of them; only read.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the stems.")],
    instrument: InstrumentOption = None,
    image: ImageOption = None,
    even_if_unknown: UnknownOption = False,
    nothing_else: NothingElseOption = False,
    audio_stream: AudioStreamOption = None,
    separator: SeparatorOption = None,
    checkpoint: CheckpointOption = None,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write stems of instruments, of one recording or of all in a folder."""
    choose_runner(runner, runner_address)
    from flows.judgement import check_folders, check_targets
    from flows.output import check_writable
    from tasks.who_hears import parsed_separators, who_hears

    targets = [*(instrument or []), *(image or [])]
    if not targets:
        raise UsageError("No instrument was given; say which to cut out, for example --instrument violin.")
    wished = parsed_separators(separator or [])
    who = who_hears(wished)
    if source.is_dir():
        check_folders(source, out, home)
        check_targets(targets, checkpoint, home, nothing_else=nothing_else, who=who)
        doing(f"separating {source}")
        check_server()
        from flows.separate import separate

        check_asked(
            home,
            source,
            checkpoint,
            targets,
            nothing_else=nothing_else,
            even_if_unknown=even_if_unknown,
            others=who.instruments,
        )
        finish_run(
            lambda: separate(
                str(source),
                str(out),
                targets,
                nothing_else,
                checkpoint,
                home,
                even_if_unknown,
                audio_stream or 1,
                wished,
            ),
            as_json=as_json,
        )
    else:
        existing_file(source)
        check_writable(out)
        check_targets(targets, checkpoint, home, nothing_else=nothing_else, who=who)
        doing(f"separating {source}")
        from flows.one_file import open_separator, separate_file

        stems = separate_file(
            source,
            out,
            targets,
            lambda: open_separator(checkpoint, home),
            nothing_else=nothing_else,
            even_if_unknown=even_if_unknown,
            audio_stream=(audio_stream or 1) - 1,
            who=who,
        )
        cut = {str(stem): reason for stem, reason in stems.items()}
        if as_json:
            print_json({"stems": list(cut), "reasons": {stem: reason for stem, reason in cut.items() if reason}})
        else:
            say(*(f"{stem}: {reason}" if reason else stem for stem, reason in cut.items()))


def _masks_of_file(
    source: Path,
    out: Path | None,
    targets: list[str],
    checkpoint: str | None,
    home: str | None,
    *,
    nothing_else: bool,
    even_if_unknown: bool,
    audio_stream: int,
    who: "WhoHears",
    as_json: bool,
) -> None:
    from flows.judgement import check_targets
    from flows.output import check_mask_file

    place = check_mask_file(source, out)
    check_targets(targets, checkpoint, home, nothing_else=nothing_else, who=who)
    doing(f"hearing {source}")
    from flows.one_file import hear_file, open_separator

    presence = hear_file(
        source,
        place,
        targets,
        lambda: open_separator(checkpoint, home),
        nothing_else=nothing_else,
        even_if_unknown=even_if_unknown,
        audio_stream=audio_stream,
        who=who,
    )
    if as_json:
        print_json({"out": str(place), "shares_db": presence.shares_db, "threshold_db": presence.threshold_db})
    else:
        playing = [name for name in presence.shares_db if presence.plays(name)]
        say(f"{place}: masks of {len(presence.shares_db)}; {', '.join(playing) or 'none of them'} play")


def _show_preview(
    library: Path, out: Path, plan: "RemixPlan", checkpoint: str | None, home: str | None, *, as_json: bool
) -> None:
    from flows.preview import page, preview

    found = preview(open_catalog(home), library, out, plan, checkpoint)
    print_json(found) if as_json else show_page(page(found))
