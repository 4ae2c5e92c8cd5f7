r"""Elements: what a fingerprint is a set of.

An element is a string in one canonical form, the same in memory, in models and in ids:

==============  ======================================  ==========================
kind            form                                    example
==============  ======================================  ==========================
endpoint        ``address:port``, IPv6 in brackets      ``192.0.2.7:443``
certificate     ``cert:`` and what tells the leaf       ``cert:5f3a…`` (hex SHA-256),
                apart                                   ``cert:md5:9c01…``
server name     ``name:`` and the normalised name       ``name:www.example.com``
==============  ======================================  ==========================

Names come from traffic and are hostile; normalised they are lower-case printable ASCII, so an
element never holds a line break, a quote from a terminal sequence or a byte that differs between
Zeek's TSV and JSON.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from flowprint_zeek.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CERTIFICATE = "cert:"
NAME = "name:"

CERTIFICATE_KINDS = ("sha256", "sha1", "md5", "issuer_serial", "serial")
"""What certificates are told apart by; the kinds between the first and the last are written."""

_ESCAPED = re.compile(rb"\\+(?:x([0-9a-fA-F]{2}))?")

SortKey = tuple[int, int, bytes, int, str]


def endpoint(address: str, port: int) -> str:
    """Return the element of a destination address and port.

    >>> endpoint("192.0.2.7", 443), endpoint("2001:db8::7", 53)
    ('192.0.2.7:443', '[2001:db8::7]:53')
    """
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def split_endpoint(element: str) -> tuple[str, int]:
    """Return the address and port of an endpoint element.

    >>> split_endpoint("[2001:db8::7]:53")
    ('2001:db8::7', 53)
    """
    address, _, port = element.rpartition(":")
    return address.removeprefix("[").removesuffix("]"), int(port)


def is_endpoint(element: str) -> bool:
    """Tell whether an element is an endpoint."""
    return not element.startswith((CERTIFICATE, NAME))


def normalise_name(name: str) -> str:
    r"""Return a server name as it stands in elements.

    Lower-case, without the root's dot; backslashes and bytes outside printable ASCII become
    ``\xNN``. Zeek's JSON writes such bytes as ``\xNN`` in letters, and backslashes once or twice,
    as its settings are: so ``\xNN`` stands for the byte wherever it comes from, whatever
    backslashes precede it, and a run of backslashes for one. A name normalised twice is the same.

    Parameters
    ----------
    name : str
        Decoded name; bytes that are no UTF-8 as surrogates (``errors="surrogateescape"``).

    Examples
    --------
    >>> normalise_name("WWW.Example.com.")
    'www.example.com'
    >>> normalise_name("a\n\u00e9"), normalise_name(r"a\x0a\xC3\x89")
    ('a\\x0a\\xc3\\xa9', 'a\\x0a\\xc3\\xa9')
    """
    name = printable(name)
    if "\\" not in name:
        return name.lower().rstrip(".")
    text = _ESCAPED.sub(_byte, name.encode()).decode("utf-8", "surrogateescape")
    return printable(text.lower().rstrip(".").replace("\\", r"\x5c"))


def _byte(match: re.Match[bytes]) -> bytes:
    return b"\\" if match[1] is None else bytes([int(match[1], 16)])


def printable(text: str) -> str:
    r"""Return text from traffic with every byte outside printable ASCII as ``\xNN``."""
    if text.isascii() and text.isprintable():
        return text
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in raw)


def certificate_kinds(elements: Iterable[str]) -> list[str]:
    """Return what the certificates among elements are told apart by, sorted.

    >>> certificate_kinds(["cert:md5:9c01", "cert:4711", "192.0.2.7:443"])
    ['md5', 'serial']
    """
    return sorted({_kind(e.removeprefix(CERTIFICATE)) for e in elements if _is_certificate(e)})


def certificate_kind(elements: Iterable[str]) -> str | None:
    """Return the only kind of `certificate_kinds`, None for none or several."""
    kinds = certificate_kinds(elements)
    return kinds[0] if len(kinds) == 1 else None


def _is_certificate(element: str) -> bool:
    return element.startswith(CERTIFICATE)


def _kind(certificate: str) -> str:
    written = certificate.partition(":")[0]
    if written in CERTIFICATE_KINDS[1:-1]:
        return written
    return "sha256" if re.fullmatch("[0-9a-f]{64}", certificate) else "serial"


@lru_cache(maxsize=1 << 17)
def sort_key(element: str) -> SortKey:
    """Return the key of the canonical order of elements.

    Endpoints by address family, packed address and port; then certificates; then names.
    """
    if element.startswith(CERTIFICATE):
        return (1, 0, b"", 0, element)
    if element.startswith(NAME):
        return (2, 0, b"", 0, element)
    address, port = split_endpoint(element)
    try:
        packed = ipaddress.ip_address(address)
    except ValueError:
        return (0, 9, b"", port, element)
    return (0, packed.version, packed.packed, port, element)


def in_order(elements: Iterable[str]) -> tuple[str, ...]:
    """Return elements in their canonical order."""
    return tuple(sorted(elements, key=sort_key))


def fingerprint_id(elements: Iterable[str]) -> str:
    """Return the id of a set of elements: 16 hex digits of the SHA-256 of the sorted set."""
    return digest(in_order(elements))


def digest(parts: Iterable[object]) -> str:
    """Return the first 16 hex digits of the SHA-256 of parts joined by line breaks."""
    text = "\n".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def shown(element: str) -> str:
    """Return an element as people read it: without the prefix of its kind.

    >>> shown("name:example.com"), shown("cert:name:x")
    ('example.com', 'name:x')
    """
    kind = next((one for one in (CERTIFICATE, NAME) if element.startswith(one)), "")
    return element[len(kind) :]


def one_kind(known: str | None, elements: Sequence[str]) -> str | None:
    """Return what certificates are told apart by, once there is one among elements.

    Raises
    ------
    ModelError
        It is something else than what is known.
    """
    kinds = certificate_kinds(elements)
    foreign = [kind for kind in kinds if kind != (known or kinds[0])]
    if foreign:
        raise ModelError(
            f"known fingerprints tell certificates apart by {known or kinds[0]}, "
            f"Zeek's logs by {foreign[0]}"
        )
    return known or (kinds[0] if kinds else None)
