"""Photos of instruments: taking them in, showing them, telling what they are like."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from desk.routes.answers import KEPT, route
from desk.routes.requests import received, studio_of
from desk.uploads import receive_json
from varemix.media.pictures import MAX_BYTES


async def put_picture(request: Request) -> Response:
    """Take a photo that is dropped."""
    studio = await studio_of(request)
    place = studio.catalog.home.photos
    async with received(request, place, default="photo", max_bytes=MAX_BYTES) as file:
        answer = await run_in_threadpool(studio.put_photo, file)
    return JSONResponse(answer, 201)


async def put_together(request: Request) -> Response:
    """Take several photos for one instrument."""
    studio = await studio_of(request)
    body = await receive_json(request)
    return JSONResponse(await run_in_threadpool(studio.photos_together, body.get("of")), 201)


async def photo(request: Request) -> Response:
    """Tell what a photo is like."""
    studio = await studio_of(request)
    query = await run_in_threadpool(studio.photos.query, request.path_params["own"])
    return JSONResponse(await run_in_threadpool(studio.photo, query))


async def picture(request: Request) -> Response:
    """Show a photo that was dropped."""
    studio = await studio_of(request)
    return Response(await run_in_threadpool(studio.photos.shown, request.path_params["own"]), 200, KEPT, "image/jpeg")


ROUTES = [
    route("/api/pictures", put_picture, "POST"),
    route("/api/pictures/together", put_together, "POST"),
    route("/api/pictures/{own}.jpg", picture),
    route("/api/pictures/{own}", photo),
]
