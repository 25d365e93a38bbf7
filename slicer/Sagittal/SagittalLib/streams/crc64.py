"""The checksum of OpenIGTLink (CRC-64/ECMA-182), with numpy at the speed of memory.

Squaring a polynomial over two elements squares each power of x, so a sum of powers x^(64 a) that is a multiple of the
checksum's polynomial stays one with every exponent times two: far words of long data are folded onto nearer ones by
exclusive or alone, and only a short rest goes through tables.
"""
import numpy as np

POLYNOMIAL = 0x42F0E1EBA9EA3693
# x^(64 * 2477) = the sum of x^(64 * (2477 - step)), modulo the polynomial.
STEPS = (410, 512, 979, 1133, 1306, 2121, 2477)
LONGEST_DOUBLING = 5
TABLED_WORDS = 4096
FEW_BYTES = 200


def _byte_table():
    table = []
    for byte in range(256):
        value = byte << 56
        for _ in range(8):
            value = (value << 1) & 0xFFFFFFFFFFFFFFFF ^ (POLYNOMIAL if value >> 63 else 0)
        table.append(value)
    return table


def _times(tables, words):
    """Words times the power of x that the tables are of."""
    parts = words.view(np.uint8).reshape(-1, 8)
    total = tables[0][parts[:, 0]]
    for n in range(1, 8):
        total ^= tables[n][parts[:, n]]
    return total


def _power_tables():
    """Of x^64, x^128, x^256 and so on: for each byte of a word, as it lies in memory."""
    one = np.empty((8, 256), np.uint64)
    for n in range(8):  # byte n of memory is the power x^(8 (7 - n)); on a table of x^64 it is that much higher
        column = list(_BYTES)
        for _ in range(7 - n):
            column = [(value << 8) & 0xFFFFFFFFFFFFFFFF ^ _BYTES[value >> 56] for value in column]
        one[n] = np.array(column, np.uint64).byteswap()
    made = [one]
    while 1 << len(made) < TABLED_WORDS:
        last = made[-1]
        made.append(np.stack([_times(last, np.ascontiguousarray(row)) for row in last]))
    return made


_BYTES = _byte_table()
_POWERS = _power_tables()


def crc64(data, crc=0):
    """Of bytes-like data; `crc` is that of what came before. Any thread; lets other threads run."""
    view = memoryview(data).cast("B")
    if len(view) <= FEW_BYTES:
        for byte in view:
            crc = (crc << 8) & 0xFFFFFFFFFFFFFFFF ^ _BYTES[crc >> 56 ^ byte]
        return crc
    words = np.zeros((len(view) + 7) // 8, np.uint64)
    room = words.view(np.uint8)
    begin = len(room) - len(view)  # zeros in front change nothing
    room[begin:] = np.frombuffer(view, np.uint8)
    room[begin:begin + 8] ^= np.frombuffer(crc.to_bytes(8, "big"), np.uint8)
    return _of_rest(words[_fold(words):])


def _fold(words):
    """Makes words zero from the front on, without changing the checksum; how many."""
    first = 0
    for doubling in range(LONGEST_DOUBLING, -1, -1):
        reach = STEPS[-1] << doubling
        while len(words) - first > reach:
            count = min(STEPS[0] << doubling, len(words) - first - reach)
            moved = words[first:first + count]
            for step in STEPS:
                target = words[first + (step << doubling):first + (step << doubling) + count]
                np.bitwise_xor(target, moved, out=target)
            first += count
    return first


def _of_rest(words):
    """Of at most TABLED_WORDS words: halves are laid onto each other until one is left."""
    levels = max(1, (len(words) - 1).bit_length())
    rest = np.zeros(1 << levels, np.uint64)
    rest[len(rest) - len(words):] = words
    for level in range(levels - 1, -1, -1):
        half = 1 << level
        rest = _times(_POWERS[level], rest[:half]) ^ rest[half:]
    return int(_times(_POWERS[0], rest).byteswap()[0])
