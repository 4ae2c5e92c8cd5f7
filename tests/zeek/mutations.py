"""Ways in which logs get damaged, by accident or on purpose."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    Mutation = Callable[[bytes, Sequence[bytes], Random], bytes]

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
NUMBERS = (
    *(b"0", b"-0", b"00", b"007", b"+5", b"-1", b"1.5", b".5", b"5.", b"1e3", b"1E-3", b"-1.5e2"),
    *(b"65535", b"65536", b"-65535", b"2147483648", b"4294967296", b"99999999999", b"1e11"),
    *(b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"1" * 20),
    *(b"18446744073709551616", b"9" * 40, b"9" * 5000, b"1e400", b"-1e400", b"1e-400", b"0x10"),
    *(b"999999999999.999999", b"1000000000000.000000", b"-999999999999.999999", b"1_000"),
    *(b"1234567890.1234567", b"0.0000005", b"00000000000001.000000", b"0" * 25 + b"1.000000"),
    *(b"1.00000-", b"1.-00000", b"--1.000000", b"-.000001", b".000001", b"1 ", b" 1", b"1.000000 "),
    *(b"nan", b"NaN", b"inf", b"-inf", b"Infinity", b"-Infinity", b"\xd9\xa1", b"123.4e+002"),
)
TOKENS = (
    *(b"", b"-", b"--", b"(empty)", b"\\x2d", b"\\-", b"\\", b"\\\\", b"\\x", b"\\x0", b"\\xzz"),
    *(b"\\x00", b"\\x09", b"\\x0a", b"\\xff\\xfe", b"\t", b"\n", b"\r", b"\r\n", b"\0", b"\n#"),
    *(b'"', b"'", b"#", b"#close", b"T", b"F", b"true", b"null", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"\xc3", b"\xc3\xa9", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xee\x80\x80", b"\xc2\x85"),
    *(
        b"\xe2\x80\xa8",
        b"\x0b",
        b"\x0c",
        b"\x1c",
        b"\x1f\x8b",
        b"\x7f",
        b" ",
        b",",
        b",,",
        b"a,-,b",
    ),
    *(b"::", b"::1", b"::ffff:192.0.2.1", b"fe80::1%eth0", b"192.0.2", b"192.0.2.01", b"1.2.3.4.5"),
    *(b"192.0.2\\x2e1", b"2001:DB8::1", b"0x7f.1", b"2001:db8::1::", b"[::1]", b"::1\\x00"),
    *(
        b'{"ts":1.0}',
        b"{",
        b"}",
        b"[]",
        b"[[]]",
        b"{}",
        b"[null]",
        b"[1,true,null,1.5]",
        b'"\\ud800"',
    ),
    *(b'"\\ud83d\\ude00"', b'"\\u0000"', b'"_path":"weird"', b'"2026-01-01T00:00:00Z"', b'"noon"'),
    *(b'"ts":1.0,', b'"ts":null,', b'"id_orig_h":"192.0.2.9",', b"[" * 2000, b'{"a":' * 2000),
    *(b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59.999999-14:00"', b'"2026-W01-1"'),
)


def flipped(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Flip bits of one to four bytes."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Leave out a part."""
    begin = chance.randrange(len(data))
    return data[:begin] + data[begin + chance.choice((1, 2, 7, 30, 10**9)) :]


def inserted(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Insert random bytes."""
    at = chance.randint(0, len(data))
    return data[:at] + chance.randbytes(chance.randint(1, 9)) + data[at:]


def spliced(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """Join the beginning of one with the end of another."""
    other = chance.choice(others)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def repeated(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Repeat a part, now and then very often."""
    begin = chance.randrange(len(data))
    part = data[begin : begin + chance.choice((1, 1, 2, 20))]
    return data[:begin] + part * chance.choice((2, 2, 3, 20, 3000)) + data[begin:]


def renumbered(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Put a strange number in the place of one."""
    found = list(NUMBER.finditer(data))
    if not found:
        return data + chance.choice(NUMBERS)
    place = chance.choice(found)
    return data[: place.start()] + chance.choice(NUMBERS) + data[place.end() :]


def refielded(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Drop, double, exchange or replace a field."""
    between = b"\t" if b"\t" in data else b","
    fields = data.rstrip(b"\n").split(between)
    at, other = chance.randrange(len(fields)), chance.randrange(len(fields))
    match chance.randrange(5):
        case 0:
            del fields[at]
        case 1:
            fields.insert(at, fields[other])
        case 2:
            fields[at], fields[other] = fields[other], fields[at]
        case 3:
            fields[at] = chance.choice((*TOKENS, *NUMBERS))
        case _:
            # In JSON the key stays.
            key, colon, _value = fields[at].partition(b":")
            fields[at] = key * bool(colon) + colon + chance.choice((*TOKENS, *NUMBERS))
    return between.join(fields) + b"\n"


def with_token(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Insert what means something somewhere."""
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(TOKENS) + data[at:]


ANYWHERE: tuple[Mutation, ...] = (
    *(flipped, cut, inserted, spliced, repeated, renumbered, refielded, refielded, with_token),
)


def mutated_line(line: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """Return what became of a line: perhaps nothing, perhaps several lines, never half of one."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        line = chance.choice(ANYWHERE)(line, others, chance) or b"\n"
    return line if line.endswith(b"\n") else line + b"\n"


# Whole files


def joined(data: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """Append another log, or put it before."""
    pair = [data, chance.choice(others)]
    chance.shuffle(pair)
    return b"".join(pair)


def relined(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Drop, double or exchange whole lines."""
    lines = data.splitlines(keepends=True)
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(3):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[other])
        case _:
            lines[at], lines[other] = lines[other], lines[at]
    return b"".join(lines)


def reheaded(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Change what one of the first lines says."""
    lines = data.split(b"\n")
    at = chance.randrange(min(8, len(lines)))
    lines[at] = chance.choice(ANYWHERE)(lines[at] + b"\n", [b"#path\tssl\n"], chance).rstrip(b"\n")
    return b"\n".join(lines)


def reseparated(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Let the header name another separator, mostly with rows to match."""
    other = chance.choice((b" ", b"|", b'"', b"\r", b"\n", b"\x00", b"\xff", b"\xc3", b"\\", b"#"))
    named = data.replace(b"\\x09", b"\\x%02x" % other[0], 1)
    return named if chance.random() < 0.3 else named.replace(b"\t", other)


def reended(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Change line ends, some or all."""
    return data.replace(
        b"\n", chance.choice((b"\r\n", b"\r", b"\n\n", b"\n\0")), chance.choice((1, -1))
    )


def indented(data: bytes, _others: Sequence[bytes], chance: Random) -> bytes:
    """Put before the first line what some tools do."""
    return (
        chance.choice((b"\xef\xbb\xbf", b"\t", b" ", b"\n\n", b"\r\n", b"\xff\xfe", b"\0" * 9))
        + data
    )


WHOLE: tuple[Mutation, ...] = (
    *ANYWHERE,
    *(joined, relined, relined, reheaded, reheaded, reseparated, reended, indented),
)


def mutated_file(content: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """Return what became of a log, in one case of four compressed, and mostly damaged then."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        content = chance.choice(WHOLE)(content, others, chance) or b"\n"
    if chance.random() < 0.75:
        return content
    packed = gzip.compress(content, chance.choice((0, 1, 6)), mtime=0)
    for _ in range(chance.choice((0, 1, 1, 2))):
        damage = chance.choice((flipped, cut, inserted, joined, repeated))
        packed = damage(packed, [gzip.compress(other, 1) for other in others[:3]], chance) or b"\n"
    return packed
