"""Files that something has damaged, the same ones each time."""

from __future__ import annotations

import random

HARSH = (b"\0", b"\xff", b"\xc3", b'"', b"\\", b"{", b"[", b"]", b",", b"\n", b"\r", b"\xe2\x80\x8b", b"\\ud800", b"\\u0000",
         b"1e999", b"-0", b"9" * 30, b"null", b"NaN", b"[" * 2000, b'{"a":' * 1500, b"../", b"%00", b"=", b"data:")  # fmt: skip


def mutated(data: bytes, seed: int) -> bytes:
    """The data after one to six accidents."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 6)):
        data = chance.choice(ACCIDENTS)(data, chance)
    return data


def _flipped(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _inserted(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(HARSH) + data[at:]


def _overwritten(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    with_ = chance.choice([chance.choice(HARSH), chance.randbytes(chance.randint(1, 9))])
    return data[:at] + with_ + data[at + len(with_) :]


def _removed(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + data[at + chance.randint(1, 40) :]


def _repeated(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + data[at : at + chance.randint(1, 200)] * 2 + data[at:]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


ACCIDENTS = (_flipped, _flipped, _inserted, _inserted, _overwritten, _removed, _repeated, _cut)
