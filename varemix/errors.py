"""Every error of the library that a person can mend, as one tree.

    VaremixError
    ├── UsageError                  a wish that cannot be: unknown instrument, gain that is no number
    ├── MediaError                  a recording, picture or video that cannot be used; says why
    │   └── ProgramError            ffmpeg or another program that failed, was not found, or took too long
    ├── DownloadError               a video that could not be fetched
    │   ├── VideoUnavailableError   gone, private, blocked: asking again will not help
    │   └── DownloadInterruptedError  a time-out or a server in trouble: worth another try
    ├── SeparatorError              a separator that is not there, cannot be set up, or does not do its work
    ├── CheckpointError             a file that is not a checkpoint, or not one that fits
    ├── TrainingError               training that cannot start or go on
    ├── EvaluationError             an evaluation that the data does not allow
    └── ServiceError                a server or a worker that does not start; says its last words

Each message says what was found, what was expected and what to do. No message holds a secret: addresses with
passwords, as other programs quote them, are taken out here for all of them.
"""

from datetime import datetime

from varemix.redaction import redacted


class VaremixError(Exception):
    """Base of all errors that a person can mend."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(redacted(part) if isinstance(part, str) else part for part in args))


class UsageError(VaremixError):
    """A wish that cannot be fulfilled as it is written."""


class MediaError(VaremixError):
    """A recording, picture or video that cannot be used."""


class ProgramError(MediaError):
    """An outside program that failed, was not found, or took too long."""


class DownloadError(VaremixError):
    """A video that could not be fetched."""


class VideoUnavailableError(DownloadError):
    """The video is gone, private or blocked; asking again will not help."""


class DownloadInterruptedError(DownloadError):
    """A time-out or a server in trouble; worth another try.

    `is_limit` tells that the server was asked too often, or asks to wait: `wait_s` seconds, where it said so, and so
    until `ask_again_at`.
    """

    def __init__(self, *args: object, is_limit: bool = False, wait_s: float | None = None) -> None:
        super().__init__(*args)
        self.is_limit = is_limit
        self.wait_s = wait_s
        self.ask_again_at: datetime | None = None


class SeparatorError(VaremixError):
    """A separator that is not there, cannot be set up, or does not do its work."""


class CheckpointError(VaremixError):
    """A file that is not a checkpoint, or not one that fits."""


class TrainingError(VaremixError):
    """Training that cannot start or cannot go on."""


class EvaluationError(VaremixError):
    """An evaluation that the data does not allow."""


class ServiceError(VaremixError):
    """A server or a worker that does not start, or is not there."""
