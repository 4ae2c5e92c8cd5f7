"""What dhcp.log tells of hosts: who has an address, and what it calls itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.core.elements import normalise_name
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.names import of_distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

DHCP_COLUMNS = (
    *("ts", "mac", "client_addr", "assigned_addr", "assigned_ip"),
    *("host_name", "client_fqdn", "msg_types"),
)
"""What `Leases` need of a dhcp.log, of whatever Zeek or Bro."""

_GRANTED = frozenset({"ACK", "INFORM"})
"""Messages that show that a host has its address; an offer may be turned down."""

_LONGEST_NAME = 255

_Rows = dict[str, list[tuple[int, str]]]


@dataclass(frozen=True, slots=True)
class LeasesState:
    """What `Leases` hold: texts with their times by key, as of when they are told, what went."""

    holders: dict[str, list[tuple[int, str]]]
    names: dict[str, list[tuple[int, str]]]
    until: int
    dropped: int


class _Told:
    """Texts by key, of which the newest up to some log time counts, however they arrive."""

    def __init__(self) -> None:
        self.rows: _Rows = {}
        self._unsettled: set[str] = set()

    def add(self, key: str, ts: int, text: str) -> None:
        """Take a text in; of several at one time the greatest counts."""
        self.rows.setdefault(key, []).append((ts, text))
        self._unsettled.add(key)

    def restore(self, rows: _Rows) -> None:
        """Hold rows, instead of anything else."""
        self.rows, self._unsettled = rows, set(rows)

    def get(self, key: str, until: int) -> str:
        """Return the text of a key, "" without one."""
        return max((row for row in self.rows.get(key, ()) if row[0] <= until), default=(0, ""))[1]

    def settle(self, until: int) -> None:
        """Drop what no look-up from a time on can return."""
        for key in list(self._unsettled):
            held = self.rows[key]
            later = [row for row in held if row[0] > until]
            if not later:
                self._unsettled.discard(key)
            newest = max((row for row in held if row[0] <= until), default=None)
            self.rows[key] = later if newest is None else [newest, *later]

    def expire(self, before: int) -> None:
        """Drop what was told before a time."""
        for key, held in list(self.rows.items()):
            if min(held)[0] < before:
                self.rows[key] = [row for row in held if row[0] >= before]
                if not self.rows[key]:
                    self.forget([key])

    def make_room(self, limit: int) -> int:
        """Drop the oldest keys of more than a limit until seven eighths are left."""
        if len(self.rows) <= limit:
            return 0
        by_age = sorted(self.rows, key=lambda key: (max(self.rows[key])[0], key))
        oldest = by_age[: len(by_age) - (limit - limit // 8)]
        self.forget(oldest)
        return len(oldest)

    def forget(self, keys: Iterable[str]) -> None:
        """Drop keys."""
        for key in keys:
            self.rows.pop(key, None)
            self._unsettled.discard(key)


class Leases:
    """The hosts that got addresses from DHCP.

    An address is that of the host that last got it, and a host has the name that it last gave:
    ``host_name``, else ``client_fqdn``. Logs of Bro before 2.6 tell no names. What counts is what
    rows up to `until` tell, in whatever order they arrive.

    Parameters
    ----------
    limit : int, default 250000
        Addresses, and hosts, that `settle` keeps. Of more, the oldest go until seven eighths of the
        limit are left.

    Attributes
    ----------
    until : int
        Log time up to which rows count, µs.
    dropped : int
        Addresses and hosts that went because of the limit.
    """

    def __init__(self, limit: int = 250_000) -> None:
        self.limit = limit
        self.until = UNSET
        self.dropped = 0
        self._holders = _Told()
        self._names = _Told()

    def add(self, chunk: pd.DataFrame) -> None:
        """Take rows in: ``DHCP_COLUMNS`` as read."""
        granted = of_distinct(_granted, chunk["msg_types"].tolist())
        columns = ("assigned_addr", "assigned_ip", "client_addr", "mac", "host_name", "client_fqdn")
        texts = zip(*(chunk[name].tolist() for name in columns), strict=True)
        for ts, of_host, row in zip(chunk["ts"].tolist(), granted, texts, strict=True):
            address = row[0] or row[1] or row[2]
            if not of_host or not address:
                continue
            # Without a MAC the address stands for its host.
            host = row[3].lower() or address
            self._holders.add(address, ts, host)
            if name := _name(row[4]) or _name(row[5]):
                self._names.add(host, ts, name)

    def host(self, address: str) -> str:
        """Return the MAC of the host that has an address; the address where none is told."""
        return self._holders.get(address, self.until) or address

    def name(self, device: str) -> str:
        """Return the name of the host with an address or MAC, "" without one."""
        return self._names.get(self.host(device), self.until)

    def settle(self, until: int) -> None:
        """Go on to a log time, µs, up to which rows count: what no one can ask for any more goes.

        Only here rows go because of the limit: what goes depends on what has arrived by the time
        of the call, not on how it was read.
        """
        self.until = max(self.until, until)
        for told in (self._holders, self._names):
            told.settle(self.until)
            self.dropped += told.make_room(self.limit)

    def expire(self, before: int) -> None:
        """Drop what was told before a time, µs."""
        self._holders.expire(before)
        self._names.expire(before)

    def addresses(self, host: str) -> list[str]:
        """Return the addresses that were told of a MAC."""
        return [key for key, rows in self._holders.rows.items() if any(t == host for _, t in rows)]

    def forget(self, device: str) -> None:
        """Drop what was told of an address or MAC, and of whoever had the address."""
        hosts = {device, *(text for _, text in self._holders.rows.get(device, ()))}
        self._names.forget(hosts)
        self._holders.forget([device, *self.addresses(device)])

    def state(self) -> LeasesState:
        """Return what they hold, to go on from."""
        return LeasesState(self._holders.rows, self._names.rows, self.until, self.dropped)

    def restore(self, state: LeasesState) -> None:
        """Hold what `state` returned."""
        self._holders.restore(state.holders)
        self._names.restore(state.names)
        self.until, self.dropped = state.until, state.dropped


def _granted(messages: tuple[str, ...]) -> bool:
    """Tell whether a row is of a host that has its address; Bro wrote no other rows."""
    return not messages or not _GRANTED.isdisjoint(messages)


def _name(text: str) -> str:
    return normalise_name(text)[:_LONGEST_NAME]
