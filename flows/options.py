"""The options of the command line, each described once."""

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[str | None, typer.Option("--home", help="Home folder.", envvar="VAREMIX_HOME")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
CheckpointOption = Annotated[
    str | None, typer.Option("--checkpoint", help="Id of a checkpoint; by default the champion.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
GainOption = Annotated[
    list[str] | None,
    typer.Option("--gain", help="NAME=DB, e.g. violin=-6 or photo.jpg=mute or cello=solo; may be repeated."),
]
DecayOption = Annotated[float, typer.Option("--decay", help="Smoothing of the masks along time, 0 to below 1.")]
InstrumentOption = Annotated[list[str] | None, typer.Option("--instrument", help="Name of an instrument.")]
ImageOption = Annotated[list[str] | None, typer.Option("--image", help="Path of a picture of an instrument.")]
SourceOption = Annotated[str, typer.Option("--source", help="`music`, or the path of a list of videos (CSV).")]
TemplateOption = Annotated[
    str | None, typer.Option("--url-template", help="Where the videos lie, with {video_id} in it.")
]
PairsOption = Annotated[int, typer.Option("--pairs", min=1, help="How many pairs to score.")]
StillsOption = Annotated[
    Path | None, typer.Option("--stills", help="Folder of still pictures; default: frames of the clips.")
]
RecipeOption = Annotated[str, typer.Option("--recipe", help="paper, reference or tiny.")]
