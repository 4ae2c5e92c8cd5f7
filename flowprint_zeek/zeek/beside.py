"""What the logs beside conn.log tell of connections: certificate, name, client, proxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.elements import endpoint, split_endpoint
from flowprint_zeek.core.flows import (
    DNS_NAME,
    EXPORTED,
    HTTP_HOST,
    SECOND,
    SERVER_NAME,
    TOLD,
    text_column,
)
from flowprint_zeek.zeek.answers import Answers, AnswersState
from flowprint_zeek.zeek.columns import objects
from flowprint_zeek.zeek.join import TlsRows, TlsState
from flowprint_zeek.zeek.names import HttpRows, HttpState, Naming, host_of, of_distinct

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from flowprint_zeek.core.arrays import Bools, Texts

_DAY = 86_400 * SECOND
_BEGINNINGS = ("began", "row_start", "start")
_JOINED = [name for name in EXPORTED if name != "windows"]


@dataclass(frozen=True, slots=True)
class BesideState:
    """What `Beside` holds."""

    tls: TlsState
    http: HttpState
    answers: AnswersState


class Beside:
    """Joins the rows of other logs to connections.

    A flow has the first name of: server name, HTTP host, what its host's own lookup gave for the
    address, certificate. A lookup's name for an explicit proxy is not that of what lies behind it,
    and is left out.

    Parameters
    ----------
    limit : int, default 1000000
        Rows of each log that `expire` keeps.
    deny : collection of str, default none
        Normalised names that strangers share: no names. A leading dot stands for every subdomain.
    join_keep, dns_keep : int, default a day
        How long rows wait for their connection and an answer of the DNS counts, µs.

    Attributes
    ----------
    tls : TlsRows
        What ssl.log, quic.log, x509.log and files.log said.
    """

    def __init__(
        self,
        limit: int = 1_000_000,
        deny: Collection[str] = (),
        *,
        join_keep: int = _DAY,
        dns_keep: int = _DAY,
    ) -> None:
        self.tls = TlsRows(limit, deny)
        self._naming = Naming(deny)
        self._http = HttpRows(limit, self._naming)
        self._answers = Answers(limit, dns_keep, self._naming)
        self._join_keep = join_keep
        self._dns_keep = dns_keep

    @property
    def names_dropped(self) -> int:
        """Rows of http.log and addresses in dns.log that went because of the limit."""
        return self._http.dropped + self._answers.dropped

    @property
    def proxies(self) -> frozenset[str]:
        """Endpoints of the explicit proxies seen of late, as elements.

        Whoever goes through them shares them: as an element they tell nothing of an app.
        """
        return self._http.proxies

    def proxies_by(self, time: int) -> frozenset[str]:
        """Return those that a request up to a log time, µs, has shown."""
        return self._http.proxies_by(time)

    def state(self) -> BesideState:
        """Return what it holds, to go on from."""
        return BesideState(self.tls.state(), self._http.state(), self._answers.state())

    def restore(self, state: BesideState) -> None:
        """Hold what `state` returned."""
        self.tls.restore(state.tls)
        self._http.restore(state.http)
        self._answers.restore(state.answers)

    def take(self, kind: str, chunk: pd.DataFrame) -> None:
        """Take rows of a log of some kind in, as read with the ``COLUMNS`` of the kind."""
        if kind == "http":
            self._http.add(chunk)
        elif kind == "dns":
            self._answers.add(chunk)
        else:
            self.tls.take(kind, chunk)

    def join(self, flows: pd.DataFrame, proxies: Collection[str] = ()) -> pd.DataFrame:
        """Return flows with what the logs tell of them.

        Parameters
        ----------
        flows : DataFrame
            Flow table without ``certificate`` and ``name``; of slices ``row_start`` tells when
            their flow began, or ``began`` where they have `EXPORTED`. What these say of themselves
            goes before what other logs say of them.
        proxies : collection of str, default none
            Endpoints of explicit proxies, as elements.

        Returns
        -------
        DataFrame
            Flow table, also with ``client``, ``proxied`` and ``named_by``; of `EXPORTED` only
            ``windows`` is left.
        """
        uids = flows["uid"].to_numpy(dtype=object)
        certificates, names, clients = self.tls.look_up(uids)
        hosts, agents = self._http.look_up(uids) if self._http else (names[:0], names[:0])
        if "windows" in flows:
            others = certificates, names, clients, hosts
            certificates, names, clients, hosts = (
                np.where(own == "", other, own) if other.size else own
                for own, other in zip(self._told(flows), others, strict=True)
            )
        proxied = _proxied(flows, proxies)
        named_by = np.where(names == "", 0, SERVER_NAME)
        if agents.size:
            clients = np.where(clients == "", agents, clients)
        for bit, found in self._names(hosts, flows, proxied):
            named_by |= np.where(found == "", 0, bit)
            names = np.where(names == "", found, names)
        at = np.flatnonzero((names == "") & (certificates != ""))
        names[at] = self.tls.certificates.names(certificates[at])
        texts = {"certificate": certificates, "name": names, "client": clients}
        told = {name: text_column(text, flows.index) for name, text in texts.items()}
        rest = {"proxied": proxied, "named_by": named_by}
        if "windows" in flows:
            flows = flows.drop(columns=_JOINED)
        return pd.concat((flows, pd.DataFrame(told | rest, copy=False)), axis=1)

    def _names(
        self, hosts: Texts, flows: pd.DataFrame, proxied: Bools
    ) -> Iterator[tuple[int, Texts]]:
        """Yield the names that http.log and dns.log tell, where there are such logs."""
        if hosts.size:
            yield HTTP_HOST, hosts
        if self._answers:
            starts = flows[next(name for name in _BEGINNINGS if name in flows)]
            hosts, addresses = (flows[one].to_numpy(dtype=object) for one in ("orig_h", "resp_h"))
            found = self._answers.look_up(hosts, addresses, ints(starts))
            found[proxied] = ""
            yield DNS_NAME, found

    def _told(self, flows: pd.DataFrame) -> tuple[Texts, ...]:
        """Return what flows say of their certificates, server names, clients and HTTP hosts."""
        certificates, names, clients, hosts = (flows[name].tolist() for name in TOLD)
        named = of_distinct(self._naming, names)
        asked = of_distinct(lambda host: self._naming(host_of(host)), hosts)
        return tuple(objects(one) for one in (certificates, named, clients, asked))

    def take_proxies(self, connections: pd.DataFrame) -> None:
        """Take what connections show of explicit proxies, where they say so themselves."""
        if "proxied" in connections:
            shown = connections[connections["proxied"]]
            self._http.add_proxies(*(shown[name].tolist() for name in ("resp_h", "resp_p", "told")))

    def forget(self, uids: Iterable[str]) -> None:
        """Drop the rows of connections that are done with."""
        done = list(uids)
        self.tls.forget(done)
        self._http.forget(done)

    def forget_host(self, address: str) -> None:
        """Drop the lookups of a host and those for it, and forget that it is a proxy.

        Rows that wait for their connection do not tell whose it is; they are dropped with it.
        """
        self._http.forget_proxy(address)
        self._answers.forget(address)

    def expire(self, now: int) -> None:
        """Drop what is too old at a log time, µs, and the oldest beyond the limit."""
        self.tls.expire(now - self._join_keep)
        self._http.expire(now - self._join_keep)
        self._answers.expire(now - self._dns_keep)


def _proxied(flows: pd.DataFrame, proxies: Collection[str]) -> Bools:
    """Tell which flows go to an explicit proxy."""
    proxied = np.zeros(len(flows), dtype=np.bool_)
    if proxies:
        hosts = {split_endpoint(one)[0] for one in proxies}
        at = np.flatnonzero(flows["resp_h"].isin(hosts))
        places = flows[["resp_h", "resp_p"]].iloc[at].to_numpy().tolist()
        proxied[at] = [endpoint(*place) in proxies for place in places]
    return proxied
