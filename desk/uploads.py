"""What people hand over the network: bodies with limits, streamed to disk; names that can do no harm."""

import asyncio
import errno
import json
import unicodedata
from pathlib import Path
from typing import Any, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from desk.errors import DeskError

MAX_RECORDING_BYTES = 2 * 2**30
MAX_JSON_BYTES = 2**16
_PATIENCE_S = 30.0  # for the next piece of a body
_MAX_NAME_BYTES = 120
_MIB = 2**20


async def receive_file(request: Request, path: Path, *, max_bytes: int) -> None:
    """Write a request's body to `path`, never holding more of it than a piece.

    Raises DeskError when it is empty, larger than `max_bytes`, too slow in coming, or finds no room on the disk.
    """
    _check_announced(request, max_bytes)
    num_bytes = 0
    try:
        with path.open("xb") as file:
            async for piece in _pieces(request):
                num_bytes += len(piece)
                if num_bytes > max_bytes:
                    raise _too_large(max_bytes)
                await run_in_threadpool(write_piece, file, piece)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DeskError(507, "The desk's disk is full. Make room, then drop the file again.") from error
        raise
    if not num_bytes:
        raise DeskError(422, f"'{path.name}' is empty. Look at where it comes from.")


def write_piece(file: BinaryIO, piece: bytes) -> None:
    """Write a piece of a body so that a full disk is noticed with it."""
    file.write(piece)
    file.flush()


async def receive_json(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body. Raises DeskError when it is none, or larger than 64 KiB."""
    _check_announced(request, MAX_JSON_BYTES)
    body = b""
    async for piece in _pieces(request):
        body += piece
        if len(body) > MAX_JSON_BYTES:
            raise _too_large(MAX_JSON_BYTES)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DeskError(422, "The request is no JSON.") from error
    if not isinstance(value, dict):
        raise DeskError(422, "The request is no JSON object.")
    return value


def harmless_name(text: str, *, default: str) -> str:
    """Return the last part of a name that a browser gave, as it may name a file in any folder."""
    last = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode()).replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip().lstrip(".-~ ")
    stem, suffix = Path(shown).stem, Path(shown).suffix
    room = _MAX_NAME_BYTES - len(suffix.encode())
    if room <= 0:
        return default
    stem = stem.encode()[:room].decode("utf-8", "ignore").strip()
    return f"{stem}{suffix}".rstrip(". ") or default


def _check_announced(request: Request, max_bytes: int) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)


async def _pieces(request: Request) -> Any:
    stream = request.stream()
    while True:
        try:
            piece = await asyncio.wait_for(anext(stream), _PATIENCE_S)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise DeskError(408, "The file came too slowly and was given up. Drop it again.") from error
        except ClientDisconnect as error:
            raise DeskError(400, "The connection broke before the file was there.") from error
        yield piece


def _too_large(max_bytes: int) -> DeskError:
    limit = f"{max_bytes // _MIB} MiB" if max_bytes >= _MIB else f"{max_bytes // 1024} KiB"
    return DeskError(413, f"This is larger than the desk takes, which is {limit}. Make it smaller.")
