"""What is asked for: instruments by name, whose queries the checkpoint keeps, or by picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.ids import content_id, file_digest
from varemix.errors import UsageError
from varemix.media.pictures import read_picture
from varemix.model.header import read_header
from varemix.model.hearing_quality import HearingQuality, hearing_qualities

if TYPE_CHECKING:
    from torch import Tensor

    from catalog.store import Catalog
    from varemix.model.separator import Separator

_PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
_DIGEST_CHARACTERS = 16
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class Query:
    """One instrument that is asked for: `name` stands for it in mask files, `picture` shows it if it has no name.

    `picture` is a picture's file, or a folder of pictures of the same instrument, which are looked at together. `doubt`
    says what is the matter with a picture that is used although it shows no instrument that is known.
    """

    name: str
    picture: Path | None = None
    doubt: str = ""

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.picture.name if self.picture else self.name

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The files that show it: one, or several of a folder; none where it has a name."""
        if self.picture is None:
            return ()
        return _pictures_in(self.picture) if self.picture.is_dir() else (self.picture,)


def asked(target: str, instruments: Sequence[str]) -> Query:
    """Return the query of an instrument's name, a picture's path, or that of a folder of pictures of one instrument.

    Raises UsageError for a name that is neither, and MediaError for a picture that cannot be read.
    """
    name = target.strip().lower().replace(" ", "_")
    if name in instruments:
        return Query(name=name)
    path = _existing(target)
    if path is None and Path(target).suffix.lower() in _PICTURE_SUFFIXES:
        raise UsageError(f"There is no picture '{target[:_SHOWN_CHARACTERS]}'; give the path of one.")
    if path is None:
        nearest = get_close_matches(name, instruments, n=1)
        meant = f" Did you mean {nearest[0]}?" if nearest else ""
        raise UsageError(
            f"'{target[:_SHOWN_CHARACTERS]}' is neither an instrument that the model knows "
            f"({', '.join(instruments)}) nor the path of a picture. Give one of these names, or a picture.{meant}"
        )
    pictures = _pictures_in(path) if path.is_dir() else (path,)
    for picture in pictures:
        read_picture(picture)
    digests = sorted(map(file_digest, pictures))
    digest = digests[0] if path.is_file() else content_id("pictures", digests=digests)
    return Query(name=f"picture-{digest[:_DIGEST_CHARACTERS]}", picture=path.resolve())


def asked_once(targets: Sequence[str], instruments: Sequence[str]) -> list[Query]:
    """Return the queries of several targets in their order, each one once however often it is asked for."""
    queries = (asked(target, instruments) for target in targets)
    return list({query.name: query for query in queries}.values())


def looked_at(queries: Sequence[Query], separator: Callable[[], Separator]) -> list[Query]:
    """Return the queries, those whose picture shows no instrument that is known with their `doubt`.

    The separator is only taken where there is a picture to look at.
    """
    pictured = [query for query in queries if query.picture]
    doubts = _doubts(separator(), pictured) if pictured else {}
    return [replace(query, doubt=doubts.get(query.name, "")) for query in queries]


def check_known(queries: Iterable[Query], *, even_if_unknown: bool) -> None:
    """Raise UsageError for a query with a doubt, unless it shall be used even if unknown."""
    doubtful = next((query for query in queries if query.doubt), None)
    if doubtful and not even_if_unknown:
        raise UsageError(
            f"'{doubtful.title}' {doubtful.doubt}. Give another picture, or an instrument's name; with "
            "--even-if-unknown, or even_if_unknown in a plan, it is used as what it is most like."
        )


def doubts_told(queries: Iterable[Query]) -> list[str]:
    """Return what is to be told of those of the queries that are used although nobody knows what they show."""
    return [f"{query.title} {query.doubt}, and was used all the same" for query in queries if query.doubt]


def _doubts(separator: Separator, queries: Sequence[Query]) -> dict[str, str]:
    """Return by name what is the matter with those of the pictures that show no instrument that is known."""
    from varemix.model.recognition import resemblance_together, resemblances

    if not separator.settings.recognises:
        return {}
    images = [[read_picture(picture) for picture in query.pictures] for query in queries]
    together = {i: resemblance_together(separator, seen) for i, seen in enumerate(images) if len(seen) > 1}
    single = [seen[0] for seen in images if len(seen) == 1]
    alone = iter(resemblances(separator, single) if single else ())
    looks = [together.get(i) or next(alone) for i in range(len(images))]
    return {query.name: look.in_words for query, look in zip(queries, looks, strict=True) if not look.is_known}


def query_vectors(separator: Separator, queries: Sequence[Query]) -> Tensor:
    """Return the vectors [N, K] of the queries."""
    import torch

    def vector(query: Query) -> Tensor:
        images = [read_picture(picture) for picture in query.pictures]
        if len(images) > 1:
            return separator.query_of_clip(images)
        return separator.queries(images)[0] if images else separator.instrument_query(query.name)

    return torch.stack([vector(query) for query in queries])


def known_instruments(catalog: Catalog, row: dict[str, Any]) -> tuple[str, ...]:
    """Return the instruments that the checkpoint of a row of `checkpoints` knows by name."""
    return tuple(quality.instrument for quality in known_qualities(catalog, row))


def known_qualities(catalog: Catalog, row: dict[str, Any]) -> tuple[HearingQuality, ...]:
    """Return how well the checkpoint of a row of `checkpoints` hears each instrument that it knows by name."""
    return hearing_qualities(read_header(catalog.home.fetched(row["path"], row["digest"])))


def _existing(text: str) -> Path | None:
    """Return the path if a file or a folder of pictures lies there; None too for texts that can be no path."""
    try:
        path = Path(text).expanduser()
        return path if path.is_file() or (path.is_dir() and _pictures_in(path)) else None
    except (OSError, RuntimeError):  # a name that is too long, the home of somebody unknown
        return None


def _pictures_in(folder: Path) -> tuple[Path, ...]:
    """Return the pictures in a folder, in the order of their names."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in _PICTURE_SUFFIXES)
    return tuple(sorted(path for path in found if path.is_file() and not path.name.startswith(".")))
