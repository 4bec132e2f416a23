"""The options of the command line, each described once; names that they had before are still understood.

Stays out: what a command does with them (`commands`).
"""

import os
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

_LEVEL = "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"
_FORMER_NAMES = {"--checkpoint": "--model", "--even-if-absent": "--force", "--nothing-else": "--exclusive"}


def _tell_prefect(is_verbose: bool) -> bool:
    """Choose what Prefect tells here, before it is loaded; the same runs are found in its UI."""
    if is_verbose:
        os.environ[_LEVEL] = "INFO"
    else:
        os.environ.setdefault(_LEVEL, "WARNING")
    return is_verbose


VerboseOption = Annotated[
    bool, typer.Option("--verbose", callback=_tell_prefect, help="Show the lines and links of Prefect, too.")
]
HomeOption = Annotated[
    str | None, typer.Option("--home", help="Data folder, or s3://BUCKET/FOLDER.", envvar="VAREMIX_HOME")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
CheckpointOption = Annotated[
    str | None,
    typer.Option("--model", help="Id of a model, or `built-in`; default: the champion, else the built-in one."),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
GainOption = Annotated[
    list[str] | None,
    typer.Option(
        "--gain",
        help="NAME=DB, e.g. violin=-6 or photo.jpg=mute or cello=solo; violin=-6@1:20-2:05 for a range, ~0.5 behind it "
        "for fades of half a second; may be repeated.",
    ),
]
AbsentOption = Annotated[
    bool,
    typer.Option("--force", help="Apply every gain, also of instruments that are not detected."),
]
UnknownOption = Annotated[
    bool,
    typer.Option(
        "--even-if-unknown",
        help="Use pictures too that show none of the known instruments, as what they are most like.",
    ),
]
NothingElseOption = Annotated[
    bool,
    typer.Option(
        "--exclusive",
        help="Nothing but the named instruments plays: they share the recording among themselves.",
    ),
]
SmoothingOption = Annotated[
    float | None,
    typer.Option(
        "--smoothing",
        help="Seconds over which masks are smoothed along time, 0 for none; 0.025 unless the plan says otherwise.",
    ),
]
MaskExponentOption = Annotated[
    float | None,
    typer.Option(
        "--mask-exponent",
        help="How unsure masks are read: below 1 (to 0.25) more is removed, above 1 (to 4) the rest is kept cleaner.",
    ),
]
DecayOption = Annotated[
    float | None,
    typer.Option("--decay", hidden=True, help="--smoothing as it used to be given: what is left after 11.6 ms."),
]
SeparatorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--separator",
        help="INSTRUMENT=NAME: what separates it, such as voice=demucs; `varemix separators` lists names; repeatable.",
    ),
]
BesideOption = Annotated[
    bool,
    typer.Option(
        "--beside",
        help="Bring covers, cue sheets, lyrics, booklets and playlists along; playlists name the remixes.",
    ),
]
PlanOption = Annotated[
    Path | None, typer.Option("--plan", help="File of mix settings (YAML), with rules for folders, tags, and names.")
]
PresetOption = Annotated[
    str | None,
    typer.Option("--preset", help="Mix settings to start from; `varemix presets` lists them. Give --target too."),
]
TargetOption = Annotated[
    list[str] | None, typer.Option("--target", help="Instrument or picture that the preset is about; may be repeated.")
]
OthersOption = Annotated[
    list[str] | None, typer.Option("--others", help="Instrument or picture that the preset takes for the rest.")
]
DryWetOption = Annotated[
    float | None, typer.Option("--dry-wet", help="How much of the change is made: 0 nothing, 1 all of it.")
]
TempoOption = Annotated[
    str | None, typer.Option("--tempo", help="Slower or faster at the same pitch, in % of the recording's: 80%.")
]
TransposeOption = Annotated[
    float | None, typer.Option("--transpose", help="So many semitones higher at the same tempo; lower below 0.")
]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help="wav, aiff, flac, alac, mp3, m4a, ogg, opus or wma; default: each recording's own."),
]
AudioStreamOption = Annotated[
    int | None,
    typer.Option(
        "--audio-stream",
        min=1,
        max=99,
        help="Which of several audio streams of a video is served, from 1 on; default: the first. The others stay.",
    ),
]
LoudnessOption = Annotated[
    str | None, typer.Option("--loudness", help="unchanged, match (as loud as the original), or LUFS such as -16.")
]
TruePeakOption = Annotated[
    str | None, typer.Option("--true-peak", help="Ceiling of a limiter in dBTP, such as -1; or off.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, to how many recordings, and how long it would take.")
]
CollectOption = Annotated[
    bool,
    typer.Option("--gc", help="Tidy up as `varemix housekeeping` does, and analyse nothing."),
]
InstrumentOption = Annotated[list[str] | None, typer.Option("--instrument", help="Name of an instrument.")]
ImageOption = Annotated[list[str] | None, typer.Option("--image", help="Path of a picture of an instrument.")]
SourceOption = Annotated[
    list[str],
    typer.Option("--source", help="`music`, or a list of videos, of sounds, or of photos (CSV); may be repeated."),
]
TemplateOption = Annotated[
    str | None, typer.Option("--url-template", help="Where the videos lie, with {video_id} in it.")
]
CookiesOption = Annotated[
    Path | None,
    typer.Option(
        "--cookies", help="File of cookies (cookies.txt, mode 600) to download with.", envvar="VAREMIX_COOKIES"
    ),
]
PairsOption = Annotated[int, typer.Option("--pairs", min=1, help="How many mixes to score, by default pairs.")]
SourcesOption = Annotated[int, typer.Option("--sources", min=2, max=8, help="Instruments in a mix: 2 makes pairs.")]
ImagesOption = Annotated[
    int,
    typer.Option("--images-per-source", min=1, max=100, help="Still pictures that ask for each instrument of a mix."),
]
StudiedOption = Annotated[
    int,
    typer.Option("--studied", min=0, help="Pairs that are also remixed at 11 balances, graded by PEAQ, and smoothed."),
]
SoundsOption = Annotated[
    Path | None,
    typer.Option(
        "--sounds",
        help="Folder of sounds without pictures, with its lists: further instruments, ensembles, strangers, by name.",
    ),
]
CompareOption = Annotated[
    tuple[str, str] | None,
    typer.Option("--compare", metavar="A B", help="Put A and B side by side on the same mixes, say if B is better."),
]
RetrainOption = Annotated[
    float,
    typer.Option(
        "--retrain-share",
        min=0.0,
        max=1.0,
        help="Share of the clips and sounds that must be new before it is trained again.",
    ),
]
WhyOption = Annotated[str, typer.Option("--why", help="What for, to be read later.")]
StillsOption = Annotated[
    Path | None, typer.Option("--stills", help="Folder of still pictures; default: frames of the clips.")
]
RecipeOption = Annotated[
    str, typer.Option("--recipe", help="reference, clean, coarse (for few recordings), paper or tiny.")
]
PhotosOption = Annotated[
    Path | None, typer.Option("--photos", help="Folder of photographs by instrument, to learn from too.")
]
StartOption = Annotated[str | None, typer.Option("--start", help="Model to begin with: an id, a file, or `built-in`.")]
MinutesOption = Annotated[
    float | None,
    typer.Option("--minutes", min=0.01, help="Train so long, and end with a finished network; default: as the recipe."),
]
RunnerOption = Annotated[
    str | None,
    typer.Option(
        "--runner",
        help="What runs the shards: threads, dask, or deployments (a run on a work pool for each shard).",
        envvar="VAREMIX_RUNNER",
    ),
]
RunnerAddressOption = Annotated[
    str | None,
    typer.Option(
        "--runner-address",
        help="Scheduler of a Dask cluster, such as tcp://host:8786; default: processes of this machine.",
        envvar="VAREMIX_DASK_ADDRESS",
    ),
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", min=1, help="Processes that train together, such as one for each GPU.")
]
NodesOption = Annotated[
    int, typer.Option("--nodes", min=1, help="Machines that train together; give this command on each of them.")
]
NodeRankOption = Annotated[
    int, typer.Option("--node-rank", min=0, help="Number of this machine, from 0 on; 0 writes the model.")
]
EndpointOption = Annotated[
    str, typer.Option("--rdzv-endpoint", help="HOST:PORT where the machines meet: a free port of machine 0.")
]


class Command(TyperCommand):
    """A command that also understands the names that options had before."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, each former name as the one of today."""
        return super().parse_args(ctx, [_of_today(argument) for argument in args])


def _of_today(argument: str) -> str:
    name, equals, value = argument.partition("=")
    return f"{_FORMER_NAMES.get(name, name)}{equals}{value}"


def talking(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that runs flows with the option --verbose, which is heeded before the command begins."""

    @wraps(command)
    def with_option(*arguments: Any, verbose: bool, **options: Any) -> None:
        command(*arguments, **options)

    own = signature(command)
    option = Parameter("verbose", Parameter.KEYWORD_ONLY, default=False, annotation=VerboseOption)
    with_option.__signature__ = own.replace(parameters=[*own.parameters.values(), option])  # type: ignore[attr-defined]
    with_option.__annotations__ = command.__annotations__ | {"verbose": VerboseOption}
    return with_option
