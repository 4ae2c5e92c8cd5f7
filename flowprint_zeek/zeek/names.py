"""Names of connections: what counts as one, and those that http.log and certificates tell."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from flowprint_zeek.core.elements import endpoint, normalise_name, printable, split_endpoint
from flowprint_zeek.zeek.columns import UNSET, objects
from flowprint_zeek.zeek.fields import is_address
from flowprint_zeek.zeek.waiting import Waiting, WaitingState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import pandas as pd

    from flowprint_zeek.core.arrays import Texts

HTTP_COLUMNS = (
    *("ts", "uid", "id.resp_h", "id.resp_p"),
    *("method", "host", "uri", "user_agent", "status_code"),
)
"""What `HttpRows` needs of an http.log."""

_ABSOLUTE = "http://"
_REFUSED = 400
_LONGEST_AGENT = 200
_HOST = re.compile(r"(?:\*\.)?((?:[a-z0-9_-]+\.)+(?=[0-9-]*[a-z])[a-z0-9-]+)")
_COMMON_NAME = re.compile(r"(?:^|(?<!\\)[,/+])\s*CN=([^,/+]+)")

Value = TypeVar("Value")
Result = TypeVar("Result")


def of_distinct(function: Callable[[Value], Result], values: Sequence[Value]) -> list[Result]:
    """Return a function of each value, computed once for equal ones."""
    known = {value: function(value) for value in dict.fromkeys(values)}
    return list(map(known.__getitem__, values))


class Naming:
    """Names as elements hold them, "" for those that strangers share.

    Parameters
    ----------
    deny : collection of str
        Normalised names that are none, such as ``cloudflare-ech.com``. A leading dot stands for
        every subdomain.
    """

    def __init__(self, deny: Collection[str] = ()) -> None:
        self._deny = frozenset(deny)
        self._deny_below = tuple(name for name in deny if name.startswith("."))

    def __call__(self, text: str) -> str:
        """Return a name of traffic normalised."""
        name = sys.intern(normalise_name(text))
        return "" if name in self._deny or name.endswith(self._deny_below) else name


def host_of(authority: str) -> str:
    """Return the name in a Host header or a URI's authority, "" for an address.

    >>> host_of("www.example.com:8080"), host_of("192.0.2.7:80"), host_of("[2001:db8::7]:80")
    ('www.example.com', '', '')
    """
    host = authority.rpartition("@")[2]
    name, _, port = host.rpartition(":")
    if name and (port.isdecimal() or not port) and not is_address(host):
        host = name
    return "" if host.startswith("[") or is_address(host.rstrip(".")) else host


@lru_cache(maxsize=1 << 16)
def certified_name(alternative: str, subject: str) -> str:
    """Return the host that a certificate is of, "" where it names none.

    Parameters
    ----------
    alternative : str
        First DNS name of the certificate; it is preferred.
    subject : str
        Subject; its common name counts where it looks like a host.

    Examples
    --------
    >>> certified_name("*.example.com", "CN=other.example"), certified_name("", "CN=Example CA")
    ('example.com', '')
    """
    common = _COMMON_NAME.search(subject)
    for name in (alternative, common[1].strip() if common else ""):
        if match := _HOST.fullmatch(normalise_name(name)):
            return match[1]
    return ""


@dataclass(frozen=True, slots=True)
class HttpState:
    """What `HttpRows` hold."""

    requests: WaitingState
    proxies: WaitingState
    first_told: dict[str, int]


class HttpRows:
    """What http.log said of connections whose conn.log row is still to come, and of proxies.

    Of several requests of one connection the first by time, then name counts. The answer to a
    request for another host than the one it is sent to (``CONNECT``, or a whole ``http://`` URI)
    shows an explicit proxy, unless it is an error.

    Parameters
    ----------
    limit : int
        Rows, and proxies, that `expire` keeps; see `Waiting`.
    naming : Naming
        What counts as a name.
    """

    def __init__(self, limit: int, naming: Naming) -> None:
        self._naming = naming
        self._requests: Waiting[tuple[int, str, str]] = Waiting(limit)
        self._proxies: Waiting[tuple[int]] = Waiting(limit, latest=True)
        self._first_told: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._requests)

    @property
    def dropped(self) -> int:
        """Rows that went because of the limit."""
        return self._requests.dropped + self._proxies.dropped

    @property
    def proxies(self) -> frozenset[str]:
        """Endpoints of explicit proxies, as elements."""
        return frozenset(self._proxies)

    def proxies_by(self, time: int) -> frozenset[str]:
        """Return those that a request up to a time, µs, has shown."""
        return frozenset(one for one in self._proxies if self._first_told[one] <= time)

    def state(self) -> HttpState:
        """Return what they hold, to go on from."""
        return HttpState(self._requests.state(), self._proxies.state(), dict(self._first_told))

    def restore(self, state: HttpState) -> None:
        """Hold what `state` returned."""
        self._requests.restore(state.requests)
        self._proxies.restore(state.proxies)
        self._first_told = dict(state.first_told)

    def add(self, chunk: pd.DataFrame) -> None:
        """Take rows in: ``HTTP_COLUMNS`` as read."""
        targets = list(map(_target, chunk["method"].tolist(), chunk["uri"].tolist()))
        asked = [
            target or host for target, host in zip(targets, chunk["host"].tolist(), strict=True)
        ]
        names = of_distinct(self._name, asked)
        ts = chunk["ts"].tolist()
        keys = [uid if name else "" for uid, name in zip(chunk["uid"].tolist(), names, strict=True)]
        agents = of_distinct(_agent, chunk["user_agent"].tolist())
        self._requests.add(keys, list(zip(ts, names, agents, strict=True)))
        if any(targets):
            asked_of = chunk[(objects(targets) != "") & (chunk["status_code"] < _REFUSED)]
            columns = (asked_of[name].tolist() for name in ("id.resp_h", "id.resp_p", "ts"))
            self.add_proxies(*columns)

    def add_proxies(
        self, addresses: Sequence[str], ports: Sequence[int], times: Sequence[int]
    ) -> None:
        """Take endpoints that are explicit proxies, and when that was told."""
        pairs = list(zip(addresses, ports, strict=True))
        endpoints = of_distinct(_endpoint, pairs)
        self._proxies.add(endpoints, [(at,) for at in times])
        for one, at in zip(endpoints, times, strict=True):
            if one:
                self._first_told[one] = min(at, self._first_told.get(one, at))

    def _name(self, authority: str) -> str:
        return self._naming(host_of(authority))

    def look_up(self, uids: Texts) -> tuple[Texts, Texts]:
        """Return the names of connections and what asked for them, "" without."""
        rows = self._requests.look_up(uids.tolist(), (UNSET, "", ""))
        return objects([name for _, name, _ in rows]), objects([agent for *_, agent in rows])

    def forget(self, uids: Iterable[str]) -> None:
        """Drop the rows of connections that are done with."""
        self._requests.forget(uids)

    def forget_proxy(self, address: str) -> None:
        """Forget that a host is a proxy."""
        of_host = [one for one in self._first_told if split_endpoint(one)[0] == address]
        self._proxies.forget(of_host)
        for one in of_host:
            del self._first_told[one]

    def expire(self, before: int) -> None:
        """Drop rows and proxies from before a time, µs, and the oldest beyond the limit."""
        self._requests.expire(before)
        self._proxies.expire(before)
        if len(self._first_told) > 2 * len(self._proxies):
            self._first_told = {one: self._first_told[one] for one in self._proxies}


def _endpoint(pair: tuple[str, int]) -> str:
    """Return an address and port as an element, "" where one is not told."""
    address, port = pair
    return endpoint(address, port) if address and port != UNSET else ""


def _agent(user_agent: str) -> str:
    """Return a User-Agent header as the client that a flow shows."""
    return sys.intern(f"ua:{printable(user_agent)[:_LONGEST_AGENT]}") if user_agent else ""


def _target(method: str, uri: str) -> str:
    """Return the authority that a request asks a proxy for, "" if it asks none."""
    absolute = uri[: len(_ABSOLUTE)].lower() == _ABSOLUTE
    if not absolute and method != "CONNECT":
        return ""
    rest = uri[len(_ABSOLUTE) :] if absolute else uri
    return re.split("[/?#]", rest, maxsplit=1)[0]
