"""What is seen of a recording: its waveform, its spectrogram, and what masks take of it."""

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from desk.errors import not_yet
from desk.routes.answers import KEPT, kept, route
from desk.routes.requests import chosen_of, names_of, recording_of, studio_of

if TYPE_CHECKING:
    from desk.hearing import Masks
    from desk.recordings import Recording
    from desk.studio import Studio
    from tasks.who_hears import WhoHears


async def waveform(request: Request) -> Response:
    """Give the peaks of a recording."""
    studio, recording = await recording_of(request)
    return Response(await run_in_threadpool(studio.views.waveform, recording), 200, KEPT, "application/json")


async def axis(request: Request) -> Response:
    """Tell the frequencies of the rows of spectrograms and masks."""
    studio = await studio_of(request)
    return JSONResponse({"rows_hz": await run_in_threadpool(studio.views.rows_hz)})


async def spectrogram(request: Request) -> Response:
    """Give the spectrogram of a recording."""
    studio, recording = await recording_of(request)
    return Response(await run_in_threadpool(studio.views.spectrogram, recording), 200, KEPT, "image/png")


async def mask(request: Request) -> Response:
    """Give what an instrument's mask takes."""
    studio, recording = await recording_of(request)
    here = await chosen_of(request, studio)
    query = studio.query(request.path_params["target"], here.who)
    masks = await _whole_masks(studio, recording, [query.name], here.who)
    picture = await run_in_threadpool(studio.views.mask, recording, masks)
    return Response(picture, 200, kept(here.who), "image/png")


async def depths(request: Request) -> Response:
    """Tell how deep mutes will be."""
    studio, recording = await recording_of(request)
    here = await chosen_of(request, studio)
    names = [query.name for query in studio.queries(names_of(request, "of"), here.who).values()]
    masks = await _whole_masks(studio, recording, names, here.who)
    return JSONResponse(await run_in_threadpool(studio.depths.told, recording, masks))


async def _whole_masks(studio: "Studio", recording: "Recording", names: list[str], who: "WhoHears") -> "Masks":
    """Return the masks of these names. Raises DeskError while they are not whole."""
    masks = await run_in_threadpool(studio.hearing.masks, recording, names, who=who)
    if masks is None or not masks.are_whole:
        raise not_yet("The mask")
    return masks


ROUTES = [
    route("/api/axis", axis),
    route("/api/recordings/{own}/waveform", waveform),
    route("/api/recordings/{own}/spectrogram.png", spectrogram),
    route("/api/recordings/{own}/masks/{target}.png", mask),
    route("/api/recordings/{own}/depths", depths),
]
