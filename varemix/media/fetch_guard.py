"""What a process that fetches may reach: the web, over http and https, and nothing behind it.

An audit hook (PEP 578) sees every connection, request and program of a Python process, whatever library makes it, and
cannot be taken off again; so this is for a process of its own (`fetching`), never for one that does other things.

The rule for addresses: who begins in the open web stays there. Where a list names a public address, no redirect, no
piece of a stream and no change of a name leads to this machine or into its network. Where it names an address of this
machine or network itself, that is what was wished; a name counts as where it leads when the fetching begins. A proxy
may lie anywhere; what it reaches is its own affair.
"""

import ipaddress
import socket
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

_WEB = ("http", "https")


class RefusedError(Exception):
    """Something that a fetching process may not do."""


class Guard:
    """Refuses what is not the web; `refused` tells afterwards what was refused first, if anything."""

    def __init__(self, address: str, proxies: Sequence[str]) -> None:
        self.refused: str | None = None
        self._may_go_inside = any(is_inside(place) for place in _places_of(address))
        self._proxies = {place for proxy in proxies for place in _places_of(proxy)}

    def install(self) -> None:
        """Watch this process from now on, to its end."""
        sys.addaudithook(self.check)

    def check(self, event: str, args: tuple[Any, ...]) -> None:
        """Raise RefusedError for an event (PEP 578) that may not be."""
        if event == "socket.connect":
            self._check_place(args[1])
        elif event == "urllib.Request" and urlsplit(str(args[0])).scheme not in _WEB:
            self._refuse(f"an address of the kind '{urlsplit(str(args[0])).scheme}:'")
        elif event == "ftplib.connect":
            self._refuse("an address of the kind 'ftp:'")
        elif event == "subprocess.Popen" and any("://" in str(word) for word in args[1]):
            self._refuse("a program that would fetch by itself")

    def _check_place(self, place: object) -> None:
        if not isinstance(place, tuple):
            self._refuse("a socket of this machine")
            return
        found = {str(place[0])} if _is_number(str(place[0])) else _resolved(str(place[0]))
        if self._may_go_inside or found <= self._proxies:
            return
        if any(is_inside(one) for one in found):
            self._refuse("an address inside this machine's network")

    def _refuse(self, what: str) -> None:
        self.refused = self.refused or what
        raise RefusedError(f"It leads to {what}, which is not fetched.")


def is_inside(place: str) -> bool:
    """Return whether an IP address is of this machine, of a network that is not public, or of none."""
    address = ipaddress.ip_address(place.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return not mapped.is_global or mapped.is_multicast


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _places_of(address: str) -> set[str]:
    """Return the IP addresses that the host of an address has now; none where it cannot be found."""
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname
    except ValueError:
        return set()
    return _resolved(host) if host else set()


def _resolved(host: str) -> set[str]:
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()
