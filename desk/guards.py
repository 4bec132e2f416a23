"""Who may talk to the desk: the checks before every request, and the headers of every answer.

A page of another site must neither read recordings nor start work (its Origin and Sec-Fetch-Site tell), a name that
another site lets point here must not be served (its Host tells), and whoever reaches a desk that listens on more than
loopback must know its token.
"""

import hmac
import ipaddress
import logging
import socket
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "varemix_token"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_READING = {"GET", "HEAD"}
_METHODS = {*_READING, "POST", "DELETE"}
_OWN_SITE = {"same-origin", "none"}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",  # WebAssembly, which changes tempo and pitch; no eval of text
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_log = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server that listens on the host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guards:
    """Lets a request through to `app` when its Host, Origin and token are right."""

    def __init__(self, app: ASGIApp, *, host: str, token: str | None = None) -> None:
        self._app = app
        self._token = token.encode() if token else None
        self._is_local = is_loopback(host)
        self._names = {*_LOOPBACK_NAMES, *([] if self._is_local else [host.lower(), *_own_names()])}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def send_guarded(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(raw=message["headers"])
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        try:
            refusal = self._refusal(scope)
            await (refusal or self._app)(scope, receive, send_guarded)
        except Exception:  # noqa: BLE001 - nobody is shown a traceback, whatever happens
            _log.exception("The desk failed at %s %s", scope["method"], scope["path"])
            if not has_started:
                await JSONResponse({"error": "The desk made a mistake; its log says which."}, 500)(
                    scope, receive, send_guarded
                )

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that may not be served, None where it may."""
        headers = Headers(scope=scope)
        if scope["method"] not in _METHODS:
            return _refused(405, "The desk knows GET, HEAD, POST and DELETE only.")
        if not self._is_own_host(headers.getlist("host")):
            return _refused(421, "This is not the desk's address; open the one that it printed.")
        if not _is_own_page(scope, headers):
            return _refused(403, "Only the desk's own page may ask for this.")
        if self._token is None:
            return None
        return self._token_refusal(scope, headers)

    def _is_own_host(self, hosts: list[str]) -> bool:
        if len(hosts) != 1:
            return False
        name, port = _split_port(hosts[0].lower())
        if port is not None and not (port.isdecimal() and port.isascii()):
            return False
        return name in self._names or (not self._is_local and _is_address(name))

    def _token_refusal(self, scope: Scope, headers: Headers) -> Response | None:
        asked = scope["query_string"].decode("latin-1") if scope["path"] == "/" else ""
        try:
            query = parse_qs(asked, max_num_fields=100)
        except ValueError:
            return _refused(400, "The address has too many parameters; open the one that the desk printed.")
        if given := query.pop("token", [""])[-1]:
            if not self._is_token(given):
                return _refused(401, "This is not the desk's token; open the address that it printed.")
            rest = urlencode(query, doseq=True)
            answer = RedirectResponse(f"/?{rest}" if rest else "/", 303)
            answer.set_cookie(COOKIE, given, httponly=True, samesite="strict", path="/")
            return answer
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if (kind.lower() == "bearer" and self._is_token(bearer.strip())) or self._is_token(_cookie(headers)):
            return None
        return _refused(
            401, "The desk wants its token; open the address that it printed.", {"WWW-Authenticate": "Bearer"}
        )

    def _is_token(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode("utf-8", "replace"), self._token)


def _refused(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def _is_own_page(scope: Scope, headers: Headers) -> bool:
    """Return whether a page of this origin sent the request, a person who typed the address, or a program."""
    origins = headers.getlist("origin")
    if origins and origins != [f"{scope['scheme']}://{headers['host']}"]:
        return False
    is_visit = scope["method"] in _READING and not scope["path"].startswith("/api/")
    return is_visit or headers.get("sec-fetch-site", "none").lower() in _OWN_SITE


def _split_port(host: str) -> tuple[str, str | None]:
    """Return name and port of a Host header; the port is None where there is none."""
    if host.startswith("["):
        name, bracket, rest = host.partition("]")
        return name + bracket, rest[1:] if rest.startswith(":") else (None if not rest else "?")
    name, colon, port = host.partition(":")
    return name, port if colon else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _own_names() -> Iterable[str]:
    name = socket.gethostname().lower()
    return {name, f"{name}.local"}


def _cookie(headers: Headers) -> str:
    for text in headers.getlist("cookie"):
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(text)
        except CookieError:
            continue
        if COOKIE in cookies:
            return cookies[COOKIE].value
    return ""
