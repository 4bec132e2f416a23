"""Secrets taken out of what people and programs get to read: messages, rows, log lines, pages.

The one place that knows what a secret looks like. Belongs here: the look of secrets in text. Stays out: who writes
(`varemix.errors` takes them out of every message, `watch_logs` out of every line of a log).

Taken for secret are: the user and password of an address; what an address asks for after `?` and `#`, but for the
names of things and YouTube's `v`, since nobody knows under which name the next server takes its token; what follows
the names of HTTP's own secrets; and the values of environment variables that are named like one. A token that stands
in the path of an address cannot be told from a folder, and stays.
"""

import logging
import os
import re
from typing import Any

HIDDEN = "***"
_SHORTEST_VALUE = 8  # shorter values of the environment are words that stand everywhere
_NAMES = re.compile(r"(SECRET|PASSWORD|PASSWD|TOKEN|API_KEY|ACCESS_KEY$|CREDENTIAL|CONNECTION_URL$|AUTH_STRING)")
_USER = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/?#\s]*@")
_ASKED = re.compile(r"""(?i)\b([a-z][a-z0-9+.-]*://[^?#\s'"<>]*)([?#][^\s'"<>]*)""")
_PAIR = re.compile(r"([?&;#])([^=&;#]*)=([^&;#]+)")
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token))(['\"]?\s*[:=]\s*)[^\r\n]+"
)
_OPEN_PARTS = ("v",)


def redacted(text: str) -> str:
    """Return a text without the secrets in it; what is no secret stays letter for letter."""
    for value in _secrets_of_environment():
        text = text.replace(value, HIDDEN)
    if "://" in text:
        text = _ASKED.sub(_without_values, _USER.sub(rf"\g<1>{HIDDEN}@", text))
    return _HEADER.sub(rf"\g<1>\g<2>{HIDDEN}", text)


def has_secret(text: str) -> bool:
    """Return whether something in a text would be taken out."""
    return redacted(text) != text


def watch_logs() -> None:
    """Take secrets out of every line that this process logs from now on, tracebacks included."""
    make = logging.getLogRecordFactory()
    if isinstance(make, _Watched):
        return
    logging.setLogRecordFactory(_Watched(make))


class _Watched:
    """A maker of log records whose message and traceback hold no secret."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # the handlers tell of a message that cannot be put together
            return record
        clean = redacted(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0]:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
        return record


def _without_values(found: re.Match[str]) -> str:
    asked = found[2]
    if "=" not in asked and asked.startswith("?"):
        return f"{found[1]}?{HIDDEN}" if len(asked) > 1 else found[0]
    return found[1] + _PAIR.sub(
        lambda pair: pair[0] if pair[2] in _OPEN_PARTS else f"{pair[1]}{pair[2]}={HIDDEN}", asked
    )


def _secrets_of_environment() -> list[str]:
    values = [value for name, value in os.environ.items() if _NAMES.search(name) and len(value) >= _SHORTEST_VALUE]
    return sorted(values, key=len, reverse=True)
