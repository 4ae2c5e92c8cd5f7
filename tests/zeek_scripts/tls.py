"""TLS handshakes and QUIC's first packet, as bytes."""

from __future__ import annotations

import datetime as dt
import struct
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

_HANDSHAKE, _CHANGE, _DATA = 22, 20, 23
_GREASE = 0x1A1A
_CIPHERS = (
    *(_GREASE, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030),
    *(0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035),
)
_ALGORITHMS = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
CLIENT = "t13d1516h2_8daaf6152771_e5627efa2ab1"
"""JA4 of this client: the one that JA4's own description takes apart."""

_SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
"""Of the keys of QUIC version 1, RFC 9001 section 5.2."""


def _vector(data: bytes, size: int) -> bytes:
    """Return data after its length, in so many bytes."""
    return len(data).to_bytes(size, "big") + data


def _record(kind: int, payload: bytes) -> bytes:
    return struct.pack("!BH", kind, 0x0303) + _vector(payload, 2)


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _vector(body, 3)


def _extension(code: int, data: bytes = b"") -> bytes:
    return struct.pack("!H", code) + _vector(data, 2)


def _extensions(name: str, application: Sequence[str]) -> list[bytes]:
    protocols = b"".join(_vector(one.encode(), 1) for one in application)
    share = struct.pack("!H", 0x001D) + _vector(bytes(32), 2)
    return [
        _extension(_GREASE),
        _extension(0x0000, _vector(b"\0" + _vector(name.encode(), 2), 2)),
        _extension(0x0017),
        _extension(0xFF01, b"\0"),
        _extension(0x000A, _vector(struct.pack("!HHH", _GREASE, 0x001D, 0x0017), 2)),
        _extension(0x000B, b"\1\0"),
        _extension(0x0023),
        _extension(0x0010, _vector(protocols, 2)),
        _extension(0x0005, b"\1\0\0\0\0"),
        _extension(0x000D, _vector(struct.pack(f"!{len(_ALGORITHMS)}H", *_ALGORITHMS), 2)),
        _extension(0x0012),
        _extension(0x0033, _vector(share, 2)),
        _extension(0x002D, b"\1\1"),
        _extension(0x002B, _vector(struct.pack("!HHH", _GREASE, 0x0304, 0x0303), 1)),
        _extension(0x001B, b"\2\0\2"),
        _extension(0x4469, _vector(_vector(b"h2", 1), 2)),
        _extension(_GREASE + 0x1010, b"\0"),
        _extension(0x0015, bytes(10)),
    ]


def hello_message(
    name: str, *, application: Sequence[str] = ("h2", "http/1.1"), extra: Sequence[bytes] = ()
) -> bytes:
    """Return a ClientHello, not yet in a record."""
    extensions = b"".join([*_extensions(name, application), *extra])
    body = struct.pack("!H", 0x0303) + bytes(range(32)) + _vector(b"", 1)
    body += _vector(struct.pack(f"!{len(_CIPHERS)}H", *_CIPHERS), 2) + _vector(b"\0", 1)
    return _message(1, body + _vector(extensions, 2))


def client_hello(name: str) -> bytes:
    """Return the record of a ClientHello."""
    return _record(_HANDSHAKE, hello_message(name))


def certificate(name: str) -> bytes:
    """Return a self-signed certificate, DER, the same whenever it is made."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 0x4711)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=365))
        .sign(key, None)
    )
    return made.public_bytes(serialization.Encoding.DER)


def server_hello(name: str) -> bytes:
    """Return the records of a TLS 1.2 server with its certificate."""
    hello = struct.pack("!H", 0x0303) + bytes(range(32, 64)) + _vector(b"", 1)
    hello += struct.pack("!HB", 0xC02F, 0)
    chain = _vector(_vector(certificate(name), 3), 3)
    messages = _message(2, hello) + _message(11, chain) + _message(14, b"")
    return _record(_HANDSHAKE, messages)


def client_finish() -> bytes:
    """Return the records with which a client ends the handshake."""
    return _record(_HANDSHAKE, _message(16, _vector(bytes(32), 1))) + finish()


def finish() -> bytes:
    """Return the records after which all is encrypted."""
    return _record(_CHANGE, b"\1") + _record(_HANDSHAKE, bytes(40))


def data(size: int) -> bytes:
    """Return an encrypted record."""
    return _record(_DATA, bytes(size))


def _derived(secret: bytes, label: str, size: int) -> bytes:
    info = struct.pack("!H", size) + _vector(b"tls13 " + label.encode(), 1) + b"\0"
    return HKDFExpand(hashes.SHA256(), size, info).derive(secret)


def _keys(connection: bytes, side: str) -> tuple[bytes, bytes, bytes]:
    """Return key, nonce and header key of one side's first packets, RFC 9001 section 5."""
    extract = HMAC(_SALT, hashes.SHA256())
    extract.update(connection)
    secret = _derived(extract.finalize(), f"{side} in", 32)
    return (
        _derived(secret, "quic key", 16),
        _derived(secret, "quic iv", 12),
        _derived(secret, "quic hp", 16),
    )


def quic_initial(name: str, connection: bytes = bytes(range(8))) -> bytes:
    """Return a client's first datagram of QUIC version 1."""
    parameters = _extension(57, b"\x01\x02\x40\x64")
    hello = hello_message(name, application=["h3"], extra=[parameters])
    frames = b"\x06\x00" + struct.pack("!H", 0x4000 | len(hello)) + hello
    frames += bytes(1162 - len(frames))
    length = struct.pack("!H", 0x4000 | (4 + len(frames) + 16))
    head = b"\xc3" + struct.pack("!I", 1) + _vector(connection, 1) + b"\0" + b"\0" + length
    number = struct.pack("!I", 0)
    key, nonce, header_key = _keys(connection, "client")
    payload = AESGCM(key).encrypt(nonce, frames, head + number)
    encryptor = Cipher(algorithms.AES(header_key), modes.ECB()).encryptor()  # noqa: S305  as RFC 9001 has it
    mask = encryptor.update(payload[:16])
    first = bytes([head[0] ^ (mask[0] & 0x0F)])
    hidden = bytes(one ^ other for one, other in zip(number, mask[1:], strict=False))
    return first + head[1:] + hidden + payload
