"""Commands that look after a home: the night, its state, what is kept."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.checks import choose_runner, open_catalog
from flows.options import (
    DeviceOption,
    GainOption,
    HomeOption,
    JsonOption,
    PairsOption,
    PlanOption,
    RecipeOption,
    RunnerAddressOption,
    RunnerOption,
    SourceOption,
    StillsOption,
    TemplateOption,
)
from flows.terminal import NOTHING_DONE, finish, print_json, say, show_page


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
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the whole night: refresh, train, evaluate, promote, masks, remix."""
    choose_runner(runner, runner_address)
    from flows.nightly import check_night, nightly
    from flows.wishes import wished_plan

    folder, wished = str(stills) if stills else None, wished_plan(gain or [], file=plan)
    check_night(open_catalog(home), library, out, wished, source, url_template, recipe, folder, device)
    stages = nightly(str(library), str(out), wished, source, url_template, recipe, pairs, folder, device, home)
    finish(stages, as_json=as_json)


def pin(
    checkpoint: Annotated[str, typer.Argument(help="Id of the checkpoint.")],
    why: Annotated[str, typer.Option("--why", help="What for, to be read later.")] = "by hand",
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
    home: HomeOption = None,
) -> None:
    """Keep what a checkpoint made, though it is not the champion."""
    from tasks.tidy import pin

    pin(open_catalog(home), checkpoint, None if off else why)
    say(f"{checkpoint}: {'not pinned' if off else 'pinned'}")


def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what the catalog holds, and what failed and why."""
    from flows.status import page, status

    found = status(home)
    print_json(found) if as_json else show_page(page(found))
