"""Commands that look after a home: the night, its state, what is kept."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.checks import choose_runner, open_catalog
from flows.commands.server import check_server
from flows.options import (
    DeviceOption,
    GainOption,
    HomeOption,
    JsonOption,
    MinutesOption,
    PairsOption,
    PlanOption,
    RecipeOption,
    RetrainOption,
    RunnerAddressOption,
    RunnerOption,
    SourceOption,
    StillsOption,
    TemplateOption,
    WhyOption,
)
from flows.terminal import NOTHING_DONE, doing, finish_run, print_json, say, show_page


def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what is installed, found and reachable, and how to mend what is not."""
    from flows.doctor import as_dicts, in_words, looks

    findings = []
    for what, look in looks(home):
        doing(f"looking at {what}")
        findings += (found := look())
        if not as_json:
            say(*(line for finding in found for line in in_words(finding)))
    if as_json:
        print_json({"findings": as_dicts(findings)})
    raise typer.Exit(0 if all(finding.is_well for finding in findings) else NOTHING_DONE)


def nightly(
    library: Annotated[Path, typer.Option("--library", help="Folder of recordings; only read.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the remixes.")],
    gain: GainOption = None,
    plan: PlanOption = None,
    source: SourceOption = ["music"],  # noqa: B006 - it is only read
    url_template: TemplateOption = None,
    recipe: RecipeOption = "reference",
    pairs: PairsOption = 64,
    stills: StillsOption = None,
    device: DeviceOption = "auto",
    retrain_share: RetrainOption = 0.05,
    minutes: MinutesOption = None,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the scheduled pipeline: refresh, train if enough is new, evaluate, promote what is better, masks, remix."""
    choose_runner(runner, runner_address)
    from flows.judgement import check_folders
    from flows.wishes import wished_plan

    check_folders(library, out, home)
    folder, wished = str(stills) if stills else None, wished_plan(gain or [], file=plan)
    doing("running the pipeline")
    check_server()
    from flows.nightly import check_night, nightly

    check_night(open_catalog(home), library, out, wished, source, url_template, recipe, folder, device)
    asked = (str(library), str(out), wished, source, url_template, recipe, pairs, folder, device, home, retrain_share)
    finish_run(lambda: nightly(*asked, minutes), as_json=as_json)


def promote(
    checkpoint: Annotated[str, typer.Argument(help="Id of the model, or `built-in`.")],
    why: WhyOption = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model the champion by hand, whatever the scores say."""
    doing(f"promoting {checkpoint}")
    check_server()
    from flows.champion import promote
    from tasks.promote import usable_row

    usable_row(open_catalog(home), checkpoint)
    finish_run(lambda: promote(checkpoint, why, home), as_json=as_json)


def rollback(why: WhyOption = "", home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Make the champion before the champion again; twice leads two back."""
    doing("rolling back")
    check_server()
    from flows.champion import rollback
    from tasks.promote import rollback_target

    rollback_target(open_catalog(home))
    finish_run(lambda: rollback(why, home), as_json=as_json)


def pin(
    checkpoint: Annotated[str, typer.Argument(help="Id of the model.")],
    why: Annotated[str, typer.Option("--why", help="What for, to be read later.")] = "by hand",
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
    home: HomeOption = None,
) -> None:
    """Keep what a model made, though it is not the champion."""
    doing(f"pinning {checkpoint}")
    from tasks.tidy import pin

    pin(open_catalog(home), checkpoint, None if off else why)
    say(f"{checkpoint}: {'not pinned' if off else 'pinned'}")


def housekeeping(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    grace_days: Annotated[float, typer.Option("--grace-days", min=1, help="Age of files without a row that go.")] = 7,
    keep_versions_days: Annotated[
        float, typer.Option("--keep-versions-days", min=1, help="How long old versions of tables can be read.")
    ] = 30,
    keep_runs_days: Annotated[
        float, typer.Option("--keep-runs-days", min=1, help="How long Prefect remembers runs that have ended.")
    ] = 90,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what nothing needs any more: masks, files without rows, old versions of tables, old runs, leftovers."""
    doing("looking for what nothing needs")
    check_server()
    from flows.housekeeping import housekeeping

    root = open_catalog(home).home.address
    settings = (dry_run, grace_days, keep_versions_days, keep_runs_days)
    finish_run(lambda: housekeeping(root, *settings), as_json=as_json)


def alerts(
    address: Annotated[
        str,
        typer.Argument(help="https://..., or mailtos://user:password@host?from=&to=", envvar="VAREMIX_ALERTS"),
    ],
) -> None:
    """Have an address told when a scheduled run failed, a run crashed, or what serves separates worse than before."""
    doing("setting up the alerts")
    from flows.alerts import alert_to

    say(*(f"{name}: from now on" for name in alert_to(address)))


def status(
    disk: Annotated[bool, typer.Option("--disk", help="Say what lies where, and how much is free.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the catalog holds, and what failed and why; or, with --disk, how much of the disk it takes."""
    doing("reading what the data folder holds")
    if disk:
        from flows.disk import disk_table, disk_use

        used = disk_use(open_catalog(home).home)
        print_json(used) if as_json else show_page(disk_table(used))
        return
    from flows.status import page, status

    found = status(home)
    print_json(found) if as_json else show_page(page(found))
