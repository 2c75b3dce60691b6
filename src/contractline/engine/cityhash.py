"""CityHash128 as ClickHouse fixed it (version 1.0.2), the checksum of its compressed blocks."""

from __future__ import annotations

import struct

_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F
_K3 = 0xC949D7C7509E6557
_COMBINE = 0x9DDFEA08EB382D69
_64 = 0xFFFFFFFFFFFFFFFF

_TWO = struct.Struct("<2Q")
_EIGHT = struct.Struct("<8Q")


def cityhash128(data: bytes) -> bytes:
    """Return the hash as ClickHouse writes it: 16 bytes, the low half first."""
    size = len(data)
    if size >= 16:
        low, high = _TWO.unpack_from(data)
        return _TWO.pack(*_seeded(data[16:], low ^ _K3, high))
    if size >= 8:
        low, high = _u64(data, 0), _u64(data, size - 8)
        return _TWO.pack(*_seeded(b"", low ^ (size * _K0 & _64), high ^ _K1))
    return _TWO.pack(*_seeded(data, _K0, _K1))


def _seeded(data: bytes, low: int, high: int) -> tuple[int, int]:
    return _long(data, low, high) if len(data) >= 128 else _short(data, low, high)


def _long(data: bytes, x: int, y: int) -> tuple[int, int]:
    size = len(data)
    z = size * _K1 & _64
    v0 = (_rotate(y ^ _K1, 49) * _K1 + _u64(data, 0)) & _64
    v1 = (_rotate(v0, 42) * _K1 + _u64(data, 8)) & _64
    w0 = (_rotate((y + z) & _64, 35) * _K1 + x) & _64
    w1 = _rotate((x + _u64(data, 88)) & _64, 53) * _K1 & _64
    whole = size & ~127
    for a, b, c, d, e, f, g, h in _EIGHT.iter_unpack(data[:whole]):
        x = _rotate((x + y + v0 + c) & _64, 37) * _K1 & _64 ^ w1
        y = _rotate((y + v1 + g) & _64, 42) * _K1 & _64 ^ v0
        z = _rotate(z ^ w0, 33)
        v0, v1 = _mix32(a, b, c, d, v1 * _K1 & _64, (x + w0) & _64)
        w0, w1 = _mix32(e, f, g, h, (z + w1) & _64, y)
        z, x = x, z
    y = (y + _rotate(w0, 37) * _K0 + z) & _64
    x = (x + _rotate((v0 + z) & _64, 49) * _K0) & _64
    for back in range(32, size - whole + 32, 32):
        a, b, c, d = struct.unpack_from("<4Q", data, size - back)
        y = (_rotate((y - x) & _64, 42) * _K0 + v1) & _64
        w0 = (w0 + c) & _64
        x = (_rotate(x, 49) * _K0 + w0) & _64
        w0 = (w0 + v0) & _64
        v0, v1 = _mix32(a, b, c, d, v0, v1)
    x, y = _hash16(x, v0), _hash16(y, w0)
    return (_hash16(x + v1, w1) + y) & _64, _hash16(x + w1, y + v1)


def _short(data: bytes, a: int, b: int) -> tuple[int, int]:
    size = len(data)
    if size <= 16:
        a = _shift(a * _K1 & _64) * _K1 & _64
        c = (b * _K1 + _hash0to16(data)) & _64
        d = _shift((a + (_u64(data, 0) if size >= 8 else c)) & _64)
    else:
        c = _hash16(_u64(data, size - 8) + _K1, a)
        d = _hash16(b + size, c + _u64(data, size - 16))
        a = (a + d) & _64
        for at in range(0, size - 16, 16):
            first, second = _TWO.unpack_from(data, at)
            a = (a ^ _shift(first * _K1 & _64) * _K1 & _64) * _K1 & _64
            b ^= a
            c = (c ^ _shift(second * _K1 & _64) * _K1 & _64) * _K1 & _64
            d ^= c
    a, b = _hash16(a, c), _hash16(d, b)
    return a ^ b, _hash16(b, a)


def _hash0to16(data: bytes) -> int:
    size = len(data)
    if size > 8:
        first, last = _u64(data, 0), _u64(data, size - 8)
        return _hash16(first, _rotate((last + size) & _64, size)) ^ last
    if size >= 4:
        first, last = (int.from_bytes(part, "little") for part in (data[:4], data[-4:]))
        return _hash16(size + (first << 3), last)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _shift(y * _K2 & _64 ^ z * _K3 & _64) * _K2 & _64
    return _K2


def _mix32(w: int, x: int, y: int, z: int, a: int, b: int) -> tuple[int, int]:
    a += w
    b = _rotate((b + a + z) & _64, 21)
    c = a
    a = (a + x + y) & _64
    b += _rotate(a, 44)
    return (a + z) & _64, (b + c) & _64


def _hash16(low: int, high: int) -> int:
    a = ((low ^ high) & _64) * _COMBINE & _64
    a ^= a >> 47
    b = ((high & _64) ^ a) * _COMBINE & _64
    b ^= b >> 47
    return b * _COMBINE & _64


def _rotate(value: int, shift: int) -> int:
    return (value >> shift | value << (64 - shift)) & _64


def _shift(value: int) -> int:
    return value ^ value >> 47


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")
