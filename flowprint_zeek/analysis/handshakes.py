"""The rows of ssl.log and x509.log of simulated connections."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.catalogue import CERTIFICATE_DAYS, TLS_13, mixed
from flowprint_zeek.analysis.network import DAY
from flowprint_zeek.analysis.wire import Chance, Kind
from flowprint_zeek.core.arrays import Bools, Ints, Texts, row_groups
from flowprint_zeek.zeek.columns import UNSET, objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowprint_zeek.analysis.catalogue import Destinations
    from flowprint_zeek.analysis.network import Network
    from flowprint_zeek.analysis.wire import Flows

Columns = dict[str, "NDArray[Any]"]

CIPHERS_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384")
CIPHERS_12 = (
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
PROTOCOLS_12 = ("h2", "h2", "http/1.1", "")
FULL_HISTORIES = ("CsxknGIti", "CsxuknGIti", "CsxknGIi")
SHORT_HISTORY = "CsiI"
QUIC_HISTORY = "Cs"
"""Zeek sees the hellos of QUIC and nothing after them; so such rows are not ``established``."""

AUTHORITIES = (
    "CN=R11,O=Simulated Encrypt,C=US",
    "CN=WR2,O=Simulated Trust Services,C=US",
    "CN=Simulated Global G2 TLS RSA SHA256 2020 CA1,O=Simulated Global Inc,C=US",
)
"""Subjects of the authorities. A connection shows the leaf and, as most do, its issuer."""
ROOT = "CN=Simulated Root X1,O=Simulated Root Authority,C=US"
VALID_DAYS = 90
AUTHORITY_DAYS = 1825
GENERATIONS = 4096
"""The key of a certificate is its number times this, plus how often it was renewed since 1970.
The key of an authority is below 0."""


def handshaken(flows: Flows) -> Bools:
    """Tell which flows have a row in ssl.log."""
    return np.isin(flows.kind, [Kind.TLS, Kind.QUIC])


def ssl_columns(network: Network, table: Destinations, flows: Flows, row: Ints) -> Columns:
    """Return the columns that ssl.log does not share with conn.log, except the certificates.

    Parameters
    ----------
    network : Network
        Parameters and seed.
    table : Destinations
        Servers.
    flows : Flows
        Flows with a handshake.
    row : ndarray
        Row of ``table`` of each flow.
    """
    quic = flows.kind == Kind.QUIC
    tls13 = table.tls[row] == TLS_13
    full = shows_certificate(network, table, flows, row)
    pick = mixed(network.seed, table.number[row])
    history = np.where(full, _picked(FULL_HISTORIES, pick), SHORT_HISTORY)
    return {
        "version": np.where(tls13, "TLSv13", "TLSv12").astype(object),
        "cipher": np.where(tls13, _picked(CIPHERS_13, pick), _picked(CIPHERS_12, pick)),
        "curve": np.where(tls13 | (pick % np.uint64(3) > 0), "x25519", "secp256r1").astype(object),
        "server_name": table.name[row],
        "resumed": (~tls13 & ~full).astype(np.int8),
        "last_alert": np.full(row.size, "", dtype=object),
        "next_protocol": np.where(tls13, "", _picked(PROTOCOLS_12, pick)),
        "established": (~quic).astype(np.int8),
        "ssl_history": np.where(quic, QUIC_HISTORY, history),
        "sni_matches_cert": np.where(full, 1, -1).astype(np.int8),
    }


def _picked(values: tuple[str, ...], pick: NDArray[np.uint64]) -> Texts:
    chosen = (pick >> np.uint64(20)) % np.uint64(len(values))
    return np.array(values, dtype=object)[chosen.astype(np.int64)]


def shows_certificate(network: Network, table: Destinations, flows: Flows, row: Ints) -> Bools:
    """Tell where a certificate can be read: TLS 1.2 handshakes that resume nothing."""
    resumed = flows.chance[:, Chance.RESUMED] < network.resumed_share
    shown: Bools = (table.tls[row] != TLS_13) & ~resumed
    return shown


def certificates(network: Network, table: Destinations, flows: Flows, row: Ints) -> Ints:
    """Return the key of the leaf that each flow shows, ``UNSET`` for none."""
    number = table.certificate[row]
    generation = (flows.start + _phase(network, number)) // (CERTIFICATE_DAYS * DAY)
    shown = shows_certificate(network, table, flows, row)
    return np.where(shown, number * GENERATIONS + generation, UNSET)


def _phase(network: Network, number: Ints) -> Ints:
    span = np.uint64(CERTIFICATE_DAYS * DAY)
    return (mixed(network.seed + 2, number) % span).astype(np.int64)


def _authority(key: Ints) -> Ints:
    return key // GENERATIONS * 7 % len(AUTHORITIES)


def digest(network: Network, key: int, what: str = "certificate") -> str:
    """Return the SHA-256 that stands for a certificate's fingerprint or serial number."""
    return hashlib.sha256(f"{network.seed}/{what}/{key}".encode()).hexdigest()


def chains(network: Network, certificate: Ints) -> Texts:
    """Return the fingerprints that each connection shows: the leaf's and its issuer's."""
    distinct, place = np.unique(certificate, return_inverse=True)
    issuers = [digest(network, -1 - a) for a in range(len(AUTHORITIES))]
    pairs = zip(distinct.tolist(), _authority(distinct).tolist(), strict=True)
    shown = [() if c == UNSET else (digest(network, c), issuers[a]) for c, a in pairs]
    return objects(shown)[place]


def x509_columns(network: Network, table: Destinations, ts: Ints, certificate: Ints) -> Columns:
    """Return the columns of x509.log: each certificate once a day, when first seen.

    Parameters
    ----------
    network : Network
        Parameters and seed.
    table : Destinations
        Servers; their names are the certificates' names.
    ts, certificate : ndarray
        Time and leaf of each row of ssl.log.
    """
    leaves = certificate != UNSET
    key = np.concatenate((certificate[leaves], -1 - _authority(certificate[leaves])))
    when = np.tile(ts[leaves], 2)
    order = np.lexsort((-key, when))
    key, when = key[order], when[order]
    _, first = row_groups((key, (when - network.start) // DAY))
    first.sort()
    distinct, place = np.unique(key[first], return_inverse=True)
    described = _described(network, table, distinct)
    return {"ts": when[first]} | {name: column[place] for name, column in described.items()}


def _described(network: Network, table: Destinations, key: Ints) -> Columns:
    leaf = key >= 0
    issuer = np.array((*AUTHORITIES, ROOT), dtype=object)
    authority = np.where(leaf, _authority(key), -1 - key)
    names = _names(table, np.where(leaf, key // GENERATIONS, -1))
    subjects = [
        f"CN={n[0]}" if n else AUTHORITIES[a] for n, a in zip(names, authority, strict=True)
    ]
    begin, end = _validity(network, key)
    ones, empty = np.ones(key.size, dtype=np.int64), objects([""] * key.size)
    return {
        "fingerprint": objects([digest(network, k) for k in key.tolist()]),
        "certificate.version": ones * 3,
        "certificate.serial": objects(
            [digest(network, k, "serial")[:32].upper() for k in key.tolist()]
        ),
        "certificate.subject": objects(subjects),
        "certificate.issuer": issuer[np.where(leaf, authority, len(AUTHORITIES))],
        "certificate.not_valid_before": begin,
        "certificate.not_valid_after": end,
        "certificate.key_alg": objects(["rsaEncryption"] * key.size),
        "certificate.sig_alg": objects(["sha256WithRSAEncryption"] * key.size),
        "certificate.key_type": objects(["rsa"] * key.size),
        "certificate.key_length": ones * 2048,
        "certificate.exponent": objects(["65537"] * key.size),
        "certificate.curve": empty,
        "san.dns": objects(names),
        **dict.fromkeys(("san.uri", "san.email", "san.ip"), objects([()] * key.size)),
        "basic_constraints.ca": (~leaf).astype(np.int8),
        "basic_constraints.path_len": np.where(leaf, UNSET, 0),
        "host_cert": leaf.astype(np.int8),
        "client_cert": np.zeros(key.size, dtype=np.int8),
    }


def _names(table: Destinations, number: Ints) -> list[tuple[str, ...]]:
    """Return the sorted server names that the certificate of each number is for."""
    wanted: dict[int, list[str]] = {n: [] for n in number.tolist()}
    for n, name in zip(table.certificate.tolist(), table.name.tolist(), strict=True):
        if n in wanted and name:
            wanted[n].append(name)
    return [tuple(sorted(wanted[n])) for n in number.tolist()]


def _validity(network: Network, key: Ints) -> tuple[Ints, Ints]:
    leaf = key >= 0
    renewed = key % GENERATIONS * CERTIFICATE_DAYS * DAY - _phase(network, key // GENERATIONS)
    # whole seconds, and for an authority some years before
    founded = network.start // (AUTHORITY_DAYS * DAY) * AUTHORITY_DAYS * DAY
    begin = np.where(leaf, renewed // 1_000_000 * 1_000_000, founded)
    return begin, begin + np.where(leaf, VALID_DAYS, 2 * AUTHORITY_DAYS) * DAY
