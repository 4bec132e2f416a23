"""Commands that learn: videos, training, scores."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from flows.commands.checks import choose_runner, open_catalog
from flows.commands.server import check_server
from flows.options import (
    CheckpointOption,
    CompareOption,
    CookiesOption,
    DeviceOption,
    EndpointOption,
    HomeOption,
    ImagesOption,
    JsonOption,
    MinutesOption,
    NodeRankOption,
    NodesOption,
    PairsOption,
    PhotosOption,
    ProcessesOption,
    RecipeOption,
    RunnerAddressOption,
    RunnerOption,
    SoundsOption,
    SourceOption,
    SourcesOption,
    StartOption,
    StillsOption,
    StudiedOption,
    TemplateOption,
)
from flows.terminal import doing, finish_run
from varemix.errors import UsageError


def refresh(
    source: SourceOption = ["music"],  # noqa: B006 - it is only read
    url_template: TemplateOption = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many from the top.")] = None,
    cookies: CookiesOption = None,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch what is new in lists of videos, sounds and photos, and make clips and pictures of it to learn from."""
    choose_runner(runner, runner_address)
    doing("reading the lists of what to learn from")
    check_server()
    from flows.listed import check_against_catalog, read_lists
    from flows.refresh import check_cookies, refresh

    check_against_catalog(open_catalog(home), read_lists(source, url_template, limit))
    check_cookies(cookies)
    told = str(cookies) if cookies else None
    finish_run(lambda: refresh(source, url_template, limit, home, told), as_json=as_json)


def labels(
    checkpoint: CheckpointOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="CSV file for the list.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List clips and sounds that a model takes for another instrument, nearly certain; nothing is changed."""
    doing("analysing what is learnt from")
    check_server()
    from flows.labels import labels
    from tasks.checkpoints import checkpoint_row

    checkpoint_row(open_catalog(home), checkpoint)
    if out is not None and not out.absolute().parent.is_dir():
        raise UsageError(f"The folder of '{out}' is not there; make it, or give another --out.")
    place = str(out.absolute()) if out else None
    finish_run(lambda: labels(checkpoint, place, home), as_json=as_json)


def train(
    recipe: RecipeOption = "reference",
    device: DeviceOption = "auto",
    photos: PhotosOption = None,
    start: StartOption = None,
    minutes: MinutesOption = None,
    processes: ProcessesOption = 1,
    nodes: NodesOption = 1,
    node_rank: NodeRankOption = 0,
    rdzv_endpoint: EndpointOption = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
    resume: Annotated[bool, typer.Option("--resume/--restart", help="Go on where an earlier run stopped.")] = True,
) -> None:
    """Train a recipe on the clips, sounds and photos of the catalog."""
    doing(f"training {recipe}")
    check_server()
    from flows.train import train
    from tasks.training_plan import plan_training
    from varemix.training.devices import chosen_device
    from varemix.training.nodes import Nodes

    chosen_device(device)
    is_first = Nodes(count=nodes, rank=node_rank, endpoint=rdzv_endpoint).is_first
    folder = str(photos) if photos else None
    plan = plan_training(open_catalog(home), recipe, folder, start, minutes)
    if not resume and is_first:
        plan.forget_unfinished()
    together = (processes, nodes, node_rank, rdzv_endpoint)
    finish_run(lambda: train(recipe, device, folder, start, minutes, *together, home), as_json=as_json)


def bundle(
    out: Annotated[Path | None, typer.Argument(help="Folder for the bundle.")] = None,
    take: Annotated[
        Path | None, typer.Option("--take", help="Take back what a host made: its folder `result`.")
    ] = None,
    recipe: RecipeOption = "reference",
    photos: PhotosOption = None,
    start: StartOption = None,
    kbps: Annotated[float, typer.Option("--kbps", min=6, max=256, help="Kilobits a second of sound.")] = 48,
    device: DeviceOption = "auto",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train elsewhere: write what a bare host needs in parts of 15 MB, and --take back what it made of them.

    On the host, in the bundle's folder: python -m varemix_bundle train --minutes 9
    """
    if (out is None) == (take is None):
        raise UsageError("Give a folder for the bundle, or --take and the folder that came back.")
    doing("taking back what a host made" if out is None else f"bundling {recipe}")
    check_server()
    from flows.bundle import bundle, take_bundle
    from tasks.bundle import check_place, check_result
    from tasks.training_plan import plan_training
    from varemix.training.recipe import without_trunk

    catalog = open_catalog(home)
    if take is not None:
        check_result(take)
        result = str(take)
        finish_run(lambda: take_bundle(result, device, home), as_json=as_json)
    assert out is not None
    folder = str(photos) if photos else None
    plan = plan_training(catalog, recipe, folder, start)
    without_trunk(plan.recipe)
    check_place(out, plan.checkpoint_id)
    finish_run(lambda: bundle(str(out), recipe, folder, start, kbps, home), as_json=as_json)


def evaluate(
    checkpoint: CheckpointOption = None,
    compare: CompareOption = None,
    split: Annotated[str, typer.Option("--split", help="val, test or train.")] = "val",
    pairs: PairsOption = 64,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed with which mixes are drawn.")] = 0,
    stills: StillsOption = None,
    sources: SourcesOption = 2,
    images_per_source: ImagesOption = 1,
    studied: StudiedOption = 16,
    sounds: SoundsOption = None,
    separators: Annotated[
        bool,
        typer.Option("--separators", help="Which separator of this host separates which instrument best, by --sounds."),
    ] = False,
    runner: RunnerOption = None,
    runner_address: RunnerAddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model on mixes of two instruments, or of more, and write a report to look at and listen to.

    It says how well each instrument is separated, how good remixes are, how far gains are achieved, how quiet wrong
    pictures stay, whether it is told what plays, and with --stills which pictures are taken for what they show. With
    --sounds it also asks for further instruments and for players in harmony by name, and listens whether strangers are
    taken for what they are not. With --compare it puts two models side by side and says whether one is better.
    With --separators all separators hear the same mixes of --sounds, in one table by instrument.
    """
    choose_runner(runner, runner_address)
    if separators:
        _evaluate_separators(checkpoint, split, pairs, seed, sounds, home, as_json=as_json)
    doing("evaluating")
    check_server()
    from flows.evaluate import drawn_questions, drawn_sounds, evaluate
    from tasks.checkpoints import checkpoint_row
    from tasks.clips import usable_clips

    catalog = open_catalog(home)
    for name in compare or (checkpoint,):
        checkpoint_row(catalog, name)
    folder = str(stills) if stills else None
    clips, heard = usable_clips(catalog, split), str(sounds) if sounds else None
    drawn_questions(clips, pairs, seed, folder, sources, images_per_source)
    drawn_sounds(heard, split, {clip.instrument for clip in clips}, pairs, studied, seed)
    if compare:
        from flows.compare import compare as compare_both

        both = (*compare, split, pairs, seed, folder, sources, studied, heard, home)
        finish_run(lambda: compare_both(*both), as_json=as_json)
    drawn = (checkpoint, split, pairs, seed, folder, sources, images_per_source, studied, heard)
    finish_run(lambda: evaluate(*drawn, home), as_json=as_json)


def _evaluate_separators(
    checkpoint: str | None, split: str, pairs: int, seed: int, sounds: Path | None, home: str | None, *, as_json: bool
) -> NoReturn:
    if sounds is None:
        raise UsageError("--separators needs --sounds: the folder of sounds that are mixed for them.")
    doing("evaluating separators")
    check_server()
    from flows.evaluate_separators import drawn_mixes, evaluate_all, known_separators
    from tasks.checkpoints import checkpoint_row
    from tasks.queries import known_instruments

    catalog, heard = open_catalog(home), str(sounds)
    row = checkpoint_row(catalog, checkpoint)
    drawn_mixes(heard, split, list(known_instruments(catalog, row)), known_separators(), pairs, seed)
    finish_run(lambda: evaluate_all(heard, checkpoint, split, pairs, seed, home), as_json=as_json)
