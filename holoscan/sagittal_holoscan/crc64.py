"""CRC-64 as OpenIGTLink has it (ECMA-182, not reflected, from 0), of whole images in NumPy."""
from functools import lru_cache

import numpy as np

_POLYNOMIAL = 0x42F0E1EBA9EA3693
_LANE = 1024  # bytes


def _byte_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 56
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value >> 63 else 0)
            value &= 0xFFFFFFFFFFFFFFFF
        table.append(value)
    return table


_TABLE = _byte_table()


def _of_few(data: bytes, crc: int = 0) -> int:
    for byte in data:
        crc = ((crc << 8) & 0xFFFFFFFFFFFFFFFF) ^ _TABLE[(crc >> 56) ^ byte]
    return crc


@lru_cache(maxsize=64)
def _shift(log2_bytes: int) -> np.ndarray:
    """What 2**log2_bytes zero bytes do to a checksum: [8, 256], by byte from the lowest, to be combined with xor."""
    if log2_bytes == 0:
        rows = [[_of_few(b"\0", value << (8 * byte)) for value in range(256)] for byte in range(8)]
        return np.array(rows, dtype=np.uint64)
    half = _shift(log2_bytes - 1)
    return _apply(half, _apply(half, (np.arange(256, dtype=np.uint64)[None, :]
                                      << (np.arange(8, dtype=np.uint64) * np.uint64(8))[:, None])))


def _apply(shift: np.ndarray, values: np.ndarray) -> np.ndarray:
    parts = np.ascontiguousarray(values, dtype="<u8").view(np.uint8).reshape(*values.shape, 8)
    out = shift[0][parts[..., 0]]
    for byte in range(1, 8):
        out ^= shift[byte][parts[..., byte]]
    return out


def crc64(data) -> int:
    """Of anything with a buffer. About 0.1 s for a picture of 1920 x 1080 RGB, 5 ms for 640 x 480."""
    data = np.frombuffer(data, dtype=np.uint8)
    lanes = len(data) // _LANE
    if lanes < 4:
        return _of_few(data.tobytes())
    words = data[:lanes * _LANE].reshape(lanes, _LANE // 8, 8).view(">u8").reshape(lanes, _LANE // 8)
    words = np.ascontiguousarray(words.T).astype(np.uint64)
    states = np.zeros(lanes, dtype=np.uint64)
    eight = _shift(3)
    for word in words:
        states = _apply(eight, states ^ word)
    # Zeros before the first byte change nothing.
    level = _LANE.bit_length() - 1
    while len(states) > 1:
        if len(states) % 2:
            states = np.concatenate([np.zeros(1, np.uint64), states])
        states = _apply(_shift(level), states[0::2]) ^ states[1::2]
        level += 1
    return _of_few(data[lanes * _LANE:].tobytes(), int(states[0]))
