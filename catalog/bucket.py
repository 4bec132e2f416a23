"""Files in a bucket of S3, or of a server that speaks like it.

Belongs here: getting, putting, listing and removing files by name. Stays out: which files there are, and what a home
keeps of them on this machine (`catalog.files`).

Keys and addresses are those of the environment, as all programs for S3 read them: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, and AWS_ENDPOINT_URL where the server is not Amazon's. A file is put whole or not at
all: whoever gets it while it is replaced gets the old one or the new one.
"""

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import HomeError

if TYPE_CHECKING:
    from obstore.store import S3Store

_SCHEME = "s3://"
_ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._=-]+)*")
_PATIENCE = timedelta(seconds=60)
_CHUNK_BYTES = 8 * 2**20


def is_bucket(text: str) -> bool:
    """Whether `text` shall be the address of a bucket and not a path."""
    return text.startswith(_SCHEME)


@dataclass(frozen=True)
class Bucket:
    """A bucket, or a folder in one; names of files are relative to it, with '/'.

    `listing` has the sizes of files that are known to be there, if somebody asked for them: see `listed`. All methods
    raise ConnectionError, which is worth another try, when the storage does not answer or refuses.
    """

    address: str
    listing: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def at(cls, address: str) -> "Bucket":
        """The bucket at s3://NAME or s3://NAME/FOLDER. Raises HomeError for another address."""
        address = address.rstrip("/")
        if not _ADDRESS.fullmatch(address) or ".." in address:
            raise HomeError(f"{address!r} is no address of a data folder; expected s3://BUCKET or s3://BUCKET/FOLDER.")
        return cls(address)

    @property
    def options(self) -> dict[str, str]:
        """What the Delta tables in the bucket are opened with, beside the environment."""
        # Without conditional writes the later of two commits would take the place of the earlier one.
        return {"conditional_put": "etag", "allow_http": str(_is_plain_http()).lower()}

    def put(self, path: Path, name: str) -> None:
        """Make the file at `path` the file `name`."""
        with self._explained(f"write {name!r}"):
            _module().put(self._store, name, path)

    def get(self, name: str, path: Path) -> None:
        """Write the file `name` to `path`. Raises FileNotFoundError if it is not there."""
        with self._explained(f"read {name!r}"), path.open("wb") as file:
            for chunk in _module().get(self._store, name).stream(min_chunk_size=_CHUNK_BYTES):
                file.write(chunk)

    def num_bytes(self, name: str) -> int | None:
        """The size of the file `name`, or None if it is not there."""
        if name in self.listing:
            return self.listing[name]
        try:
            with self._explained(f"look at {name!r}"):
                return int(_module().head(self._store, name)["size"])
        except FileNotFoundError:
            return None

    def listed(self, folder: str) -> "Bucket":
        """The same bucket, which knows what is in the folder now: one request for a thousand files."""
        return Bucket(self.address, {entry["path"]: entry["size"] for entry in self._entries(folder)})

    def found(self, folder: str) -> dict[str, tuple[int, float]]:
        """How large each file of the folder is, and when it was last put, in seconds since 1970, by its name."""
        entries = self._entries(folder)
        return {entry["path"]: (entry["size"], entry["last_modified"].timestamp()) for entry in entries}

    def remove(self, name: str) -> None:
        """Remove the file `name`, if it is there."""
        with self._explained(f"remove {name!r}"):
            _module().delete(self._store, name)

    def check(self) -> None:
        """Raise HomeError unless files can be written, and are not written over where that is not wanted."""
        obstore, name = _module(), f".part-{secrets.token_hex(8)}"
        try:
            with self._explained("write a first file"):
                obstore.put(self._store, name, b"", mode="create", use_multipart=False)
                try:
                    obstore.put(self._store, name, b"", mode="create", use_multipart=False)
                except obstore.exceptions.AlreadyExistsError:
                    return
                finally:
                    obstore.delete(self._store, name)
        except OSError as error:
            raise HomeError(
                f"The data folder {self.address!r} cannot be written ({_first_line(error)}); expected a bucket that is "
                "there and keys that may write to it. Look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION "
                "and, where the server is not Amazon's, AWS_ENDPOINT_URL."
            ) from error
        raise HomeError(
            f"The server of {self.address!r} knows no conditional writes (If-None-Match), so that two writers would "
            "lose each other's rows. Use S3 itself, or a newer version of the server."
        )

    @property
    def _store(self) -> "S3Store":
        return _store(self.address, os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_ACCESS_KEY_ID"))

    def _entries(self, folder: str) -> Iterator[Any]:
        with self._explained(f"list {folder!r}"):
            for entries in _module().list(self._store, folder, chunk_size=1000):
                yield from entries

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn what the storage says into a ConnectionError, but for a file that is not there."""
        try:
            yield
        except FileNotFoundError:
            raise
        except _errors() as error:
            raise ConnectionError(f"{self.address!r}: could not {what}: {_first_line(error)}") from error


def _module() -> Any:
    """The package that speaks with the storage. Raises HomeError where it is not installed."""
    try:
        import obstore
    except ImportError as error:
        raise HomeError(
            "A data folder in a bucket needs the package obstore, which is not installed. "
            "Install the extra: pip install 'varemix[s3]'."
        ) from error
    return obstore


def _errors() -> tuple[type[Exception], ...]:
    """What the package raises when the storage does not answer or refuses."""
    exceptions: Any = _module().exceptions
    return (exceptions.BaseError, PermissionError)


@lru_cache(maxsize=8)
def _store(address: str, endpoint: str | None, key: str | None) -> "S3Store":
    """The connection to a bucket; endpoint and key are read from the environment, and tell connections apart here."""
    _module()
    from obstore.store import S3Store

    return S3Store.from_url(
        address,
        client_options={"allow_http": _is_plain_http()},
        retry_config={"max_retries": 5, "retry_timeout": _PATIENCE},
    )


def _is_plain_http() -> bool:
    """Whether the environment names a server without encryption: who says http:// wants it."""
    return os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
