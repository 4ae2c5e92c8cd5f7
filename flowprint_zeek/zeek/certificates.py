"""Certificates: what tells them apart, and what x509.log and files.log say of them.

Since Zeek 4.1 ssl.log names a certificate by its SHA-256. Before, it names the *file* that it came
in, by an id (fuid) that is another one in every connection; x509.log tells what was in the file,
without a hash. Issuer and serial number are what RFC 5280 tells certificates apart by.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING

from flowprint_zeek.core.elements import digest, normalise_name
from flowprint_zeek.zeek.names import certified_name
from flowprint_zeek.zeek.waiting import Waiting, WaitingState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from flowprint_zeek.zeek.files import LogFile

X509_COLUMNS = (
    *("ts", "id", "fingerprint"),
    *("certificate.serial", "certificate.subject", "certificate.issuer", "san.dns"),
)
"""What `Certificates` needs of an x509.log."""

FILES_COLUMNS = ("ts", "fuid", "source", "sha1", "sha256")
"""What `Certificates` needs of a files.log."""

_OVER_TLS = {"SSL", "DTLS", ""}
_DIGITS = 16
_UNKNOWN = (0, "", "", "")


@lru_cache(maxsize=1 << 16)
def issued(issuer: str, serial: str) -> str:
    """Return a certificate told apart by its issuer and serial number, "" without the number.

    >>> issued("CN=Example CA", "0a01") == issued("CN=Example CA", "0A01")
    True
    """
    return f"issuer_serial:{digest((normalise_name(issuer), serial.upper()))}" if serial else ""


def hashed(sha256: str, sha1: str) -> str:
    """Return a certificate told apart by a hash, "" without any."""
    return sha256 or (f"sha1:{sha1}" if sha1 else "")


def needed(logs: Sequence[LogFile]) -> list[LogFile]:
    """Return the logs that tell something: files.log tells nothing that x509.log does not.

    Which of the two is read decides what certificates are told apart by, so it is never both.
    """
    told = any(log.kind == "x509" for log in logs)
    return [log for log in logs if not (told and log.kind == "files")]


@dataclass(frozen=True, slots=True)
class CertificatesState:
    """What `Certificates` hold."""

    in_file: WaitingState
    known: WaitingState


class Certificates:
    """The certificates in files, for as long as connections wait, and what is known of each.

    Parameters
    ----------
    limit : int
        Files that `expire` keeps; of certificates it keeps an eighth, those last seen.
    """

    def __init__(self, limit: int) -> None:
        self._in_file: Waiting[tuple[int, str]] = Waiting(limit)
        self._known: Waiting[tuple[int, str, str, str]] = Waiting(max(limit // 8, 1), latest=True)

    @property
    def dropped(self) -> int:
        """Rows that went because of the limit."""
        return self._in_file.dropped + self._known.dropped

    def state(self) -> CertificatesState:
        """Return what they hold, to go on from."""
        return CertificatesState(self._in_file.state(), self._known.state())

    def restore(self, state: CertificatesState) -> None:
        """Hold what `state` returned."""
        self._in_file.restore(state.in_file)
        self._known.restore(state.known)

    def add_x509(self, chunk: pd.DataFrame) -> None:
        """Take rows of x509.log: ``X509_COLUMNS`` as read."""
        ts, files, hashes, serials, subjects, issuers, alternatives = (
            chunk[column].tolist() for column in X509_COLUMNS
        )
        first = [names[0] if names else "" for names in alternatives]
        certificates = [
            sys.intern(sha256 or issued(issuer, serial))
            for sha256, issuer, serial in zip(hashes, issuers, serials, strict=True)
        ]
        self._in_file.add(files, list(zip(ts, certificates, strict=True)))
        self._known.add(certificates, list(zip(ts, subjects, serials, first, strict=True)))

    def add_files(self, chunk: pd.DataFrame) -> None:
        """Take rows of files.log: ``FILES_COLUMNS`` as read."""
        chunk = chunk[chunk["source"].isin(_OVER_TLS)]
        ts, files, _, sha1, sha256 = (chunk[column].tolist() for column in FILES_COLUMNS)
        certificates = [sys.intern(hashed(*both)) for both in zip(sha256, sha1, strict=True)]
        self._in_file.add(files, list(zip(ts, certificates, strict=True)))

    def add_subjects(
        self, ts: Sequence[int], certificates: Sequence[str], subjects: Sequence[str]
    ) -> None:
        """Take what another log says of certificates."""
        self._known.add(certificates, list(zip(ts, subjects, repeat(""), repeat(""), strict=False)))

    def add_described(
        self, certificates: Sequence[str], subjects: Sequence[str], serials: Sequence[str]
    ) -> None:
        """Take subjects and serial numbers; what x509.log says of a certificate goes before."""
        told = zip(repeat(0), subjects, serials, repeat(""), strict=False)
        self._known.add(certificates, list(told))

    def in_files(self, fuids: Iterable[str]) -> list[str]:
        """Return the certificate in each file, "" where no log has told it."""
        return [certificate for _, certificate in self._in_file.look_up(fuids, (0, ""))]

    def described(self, certificate: str) -> str:
        """Return how people read a certificate: its subject, else serial number, else digits."""
        ((_, subject, serial, _),) = self._known.look_up([certificate], _UNKNOWN)
        number = f"serial {serial}" if serial else certificate.rpartition(":")[2][:_DIGITS]
        return subject or number

    def names(self, certificates: Iterable[str]) -> list[str]:
        """Return the host that each certificate is of, "" where nothing tells."""
        rows = self._known.look_up(certificates, _UNKNOWN)
        return [certified_name(alternative, subject) for _, subject, _, alternative in rows]

    def forget(self, fuids: Iterable[str]) -> None:
        """Drop the files of connections that are done with."""
        self._in_file.forget(fuids)

    def expire(self, before: int) -> None:
        """Drop files from before a time, µs since the epoch, and what is beyond the limits."""
        self._in_file.expire(before)
        self._known.expire()
