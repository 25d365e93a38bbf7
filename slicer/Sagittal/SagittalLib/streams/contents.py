"""What messages of OpenIGTLink hold, read from and written to bytes. Positions are RAS in mm, matrices 4x4."""
import math
import struct

import numpy as np

from .wire import UTF8, BadMessage, text_of

IMAGE_HEAD = struct.Struct(">H4B3H12f3H3H")
TOOL = struct.Struct(">20s2B12f")
LANDMARK = struct.Struct(">64s32s4B3ff20s")
POLY_HEAD = struct.Struct(">10I")
COMMAND_HEAD = struct.Struct(">I128sHI")
STATUS_HEAD = struct.Struct(">Hq20s")
TYPES = {2: "i1", 3: "u1", 4: "i2", 5: "u2", 6: "i4", 7: "u4", 10: "f4", 11: "f8"}
NUMBERS = {np.dtype(name): number for number, name in TYPES.items()}
FARTHEST_MM = 1e9
MAX_POINTS = 1 << 20
LARGE_BYTES = 1 << 24  # copying more than this would hold up the main thread


class Image:
    """Voxels [k, j, i] or [k, j, i, component] in this machine's byte order, and where the image lies."""

    def __init__(self, voxels, ijk_to_ras, size=None, offset=(0, 0, 0)):
        """size, offset [i, j, k]: of a part, the whole image's and where in it the voxels begin."""
        self.voxels = voxels
        self.ijk_to_ras = ijk_to_ras
        self.size = tuple(reversed(voxels.shape[:3])) if size is None else tuple(size)
        self.offset = tuple(offset)
        self.labels = None  # those above 0, where somebody looked for them
        self.changed = None  # places in `voxels` that are new; None: all
        self.is_complete = True  # no voxel is 0 only because it has not come yet

    @property
    def is_part(self):
        return self.size != tuple(reversed(self.voxels.shape[:3]))

    @property
    def is_large(self):
        return self.voxels.nbytes >= LARGE_BYTES

    @property
    def components(self):
        return self.voxels.shape[3] if self.voxels.ndim == 4 else 1


def read_image(content):
    """An Image, maybe a part of one. Its voxels share the memory of `content` where the byte order allows it. Raises
    BadMessage."""
    if len(content) < IMAGE_HEAD.size:
        raise BadMessage("An IMAGE of %d bytes has no room for its head." % len(content))
    (form, components, scalar, order, coordinates, *rest) = IMAGE_HEAD.unpack_from(content)
    whole, matrix, offset, size = rest[:3], rest[3:15], rest[15:18], rest[18:]
    if form != 1 or components == 0 or scalar not in TYPES or order not in (1, 2) or coordinates not in (1, 2):
        raise BadMessage("An IMAGE of format %d with %d components of type %d, byte order %d and coordinates %d cannot "
                         "be read." % (form, components, scalar, order, coordinates))
    if 0 in size or any(at + n > all_of_it for at, n, all_of_it in zip(offset, size, whole)):
        raise BadMessage("An IMAGE of %d x %d x %d voxels is empty or reaches out of its whole." % tuple(size))
    kind = np.dtype(TYPES[scalar])
    expected = math.prod(size) * components * kind.itemsize
    if len(content) - IMAGE_HEAD.size != expected:
        raise BadMessage("An IMAGE says that it has %d bytes of voxels and has %d."
                         % (expected, len(content) - IMAGE_HEAD.size))
    voxels = np.frombuffer(content, kind.newbyteorder(">" if order == 1 else "<"), offset=IMAGE_HEAD.size)
    voxels = voxels.astype(kind, copy=False).reshape(tuple(reversed(size)) + ((components,) if components > 1 else ()))
    return Image(voxels, _placed(np.array(matrix, float), whole, coordinates == 2), whole, offset)


def write_image(image):
    """Head and voxels, which are not copied where they are contiguous."""
    voxels = np.ascontiguousarray(image.voxels)
    if voxels.dtype not in NUMBERS or not voxels.dtype.isnative:
        voxels = voxels.astype(np.float64)
    size = list(reversed(voxels.shape[:3]))
    if max(size) > 65535 or min(size) < 1 or image.components > 255:
        raise BadMessage("OpenIGTLink carries 1 to 65535 voxels an axis and 255 components.")
    centre = image.ijk_to_ras @ np.array([(n - 1) / 2 for n in size] + [1.0])
    matrix = list(image.ijk_to_ras[:3, :3].T.ravel()) + list(centre[:3])
    head = IMAGE_HEAD.pack(1, image.components, NUMBERS[voxels.dtype], 2, 1, *size, *matrix, 0, 0, 0, *size)
    return head, voxels


def _placed(matrix, size, is_lps):
    """IJK to RAS of an image whose matrix is about its centre."""
    _check_finite(matrix, "An IMAGE")
    axes, centre = matrix[:9].reshape(3, 3).T.copy(), matrix[9:].copy()
    for n in range(3):
        if not axes[:, n].any():
            upright = np.cross(axes[:, (n + 1) % 3], axes[:, (n + 2) % 3])
            length = np.linalg.norm(upright)
            axes[:, n] = upright / length if length > 0 else np.eye(3)[n]
    if abs(np.linalg.det(axes / np.linalg.norm(axes, axis=0))) < 1e-6:
        raise BadMessage("An IMAGE is flat: its axes lie in one plane.")
    placed = np.eye(4)
    placed[:3, :3] = axes
    placed[:3, 3] = centre - axes @ ((np.array(size, float) - 1) / 2)
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ placed if is_lps else placed


def _check_finite(numbers, what):
    if not (np.abs(numbers) < FARTHEST_MM).all():
        raise BadMessage("%s is nowhere: its numbers are not finite." % what)


def _matrix_of(numbers, what):
    numbers = np.array(numbers, float)
    _check_finite(numbers, what)
    matrix = np.eye(4)
    matrix[:3] = numbers.reshape(4, 3).T
    return matrix


def _numbers_of(matrix):
    return np.asarray(matrix, float)[:3].T.ravel()


def read_transform(content):
    if len(content) != 48:
        raise BadMessage("A TRANSFORM has 48 bytes, not %d." % len(content))
    return _matrix_of(struct.unpack(">12f", content), "A TRANSFORM")


def write_transform(matrix):
    return struct.pack(">12f", *_numbers_of(matrix))


def read_tracking(content):
    """[(name, matrix)] of TDATA."""
    return [(text_of(name), _matrix_of(numbers, "A tool")) for name, _, _, *numbers in _records(content, TOOL, "TDATA")]


def write_tracking(tools):
    return b"".join(TOOL.pack(name.encode()[:20], 2, 0, *_numbers_of(matrix)) for name, matrix in tools)


def read_points(content):
    """[(name, position)] of POINT."""
    found = []
    for name, _, _, _, _, _, x, y, z, _, _ in _records(content, LANDMARK, "POINT"):
        _check_finite(np.array([x, y, z]), "A point")
        found.append((text_of(name), (x, y, z)))
    return found


def write_points(points):
    return b"".join(LANDMARK.pack(name.encode()[:64], b"", 255, 255, 0, 255, *position, 1.0, b"")
                    for name, position in points)


def _records(content, form, what):
    if len(content) % form.size or len(content) > form.size * 65536:
        raise BadMessage("%s of %d bytes is no list of parts of %d." % (what, len(content), form.size))
    return form.iter_unpack(content)


def read_string(content):
    if len(content) < 4:
        raise BadMessage("A STRING of %d bytes has no room for its head." % len(content))
    _, length = struct.unpack_from(">HH", content)
    if length != len(content) - 4:
        raise BadMessage("A STRING says that it has %d bytes and has %d." % (length, len(content) - 4))
    return bytes(content[4:]).decode("utf-8", "replace")


def write_string(text):
    data = text.encode()
    if len(data) > 65535:
        raise BadMessage("A STRING holds 65535 bytes at most.")
    return struct.pack(">HH", UTF8, len(data)) + data


def read_status(content):
    """(code, name, message); code 1 is good."""
    if len(content) < STATUS_HEAD.size:
        raise BadMessage("A STATUS of %d bytes is too short." % len(content))
    code, _, name = STATUS_HEAD.unpack_from(content)
    return code, text_of(name), text_of(content[STATUS_HEAD.size:])


def write_status(code=1, name="", message=""):
    return STATUS_HEAD.pack(code, 0, name.encode()[:20]) + message.encode() + b"\0"


def read_command(content):
    """(id, name, text) of COMMAND and RTS_COMMAND."""
    if len(content) < COMMAND_HEAD.size:
        raise BadMessage("A COMMAND of %d bytes is too short." % len(content))
    number, name, _, length = COMMAND_HEAD.unpack_from(content)
    if length != len(content) - COMMAND_HEAD.size:
        raise BadMessage("A COMMAND says that it has %d bytes and has %d." % (length, len(content) - COMMAND_HEAD.size))
    return number, text_of(name), bytes(content[COMMAND_HEAD.size:]).decode("utf-8", "replace")


def write_command(number, name, text):
    data = text.encode()
    return COMMAND_HEAD.pack(number, name.encode()[:128], UTF8, len(data)) + data


def read_lines(content):
    """(points [n, 3], [indices of each line]) of POLYDATA; polygons are closed lines, what else it has is left out."""
    if len(content) < POLY_HEAD.size:
        raise BadMessage("A POLYDATA of %d bytes is too short." % len(content))
    count, *sizes, _ = POLY_HEAD.unpack_from(content)
    cells, at = list(zip(sizes[::2], sizes[1::2])), POLY_HEAD.size
    if count > MAX_POINTS or 12 * count + sum(size for _, size in cells) > len(content) - at:
        raise BadMessage("The parts of a POLYDATA are longer than the message.")
    with np.errstate(invalid="ignore"):
        points = np.frombuffer(content, ">f4", 3 * count, at).reshape(count, 3).astype(np.float64)
    _check_finite(points, "A POLYDATA")
    at += 12 * count + cells[0][1]
    lines = []
    for (number, size), closed in zip(cells[1:3], (False, True)):
        lines += _read_cells(content[at:at + size], number, count, closed)
        at += size
    return points, lines


def _read_cells(data, number, points, closed):
    if len(data) % 4 or 4 * number > len(data):
        raise BadMessage("The cells of a POLYDATA have the wrong size.")
    words, at, found = np.frombuffer(data, ">u4"), 0, []
    for _ in range(number):
        if at >= len(words) or words[at] > len(words) - at - 1:
            raise BadMessage("A cell of a POLYDATA is longer than all of them.")
        end = at + 1 + int(words[at])
        cell = words[at + 1:end]
        if len(cell) and int(cell.max()) >= points:
            raise BadMessage("A cell of a POLYDATA names a point that there is not.")
        found.append(cell.tolist() + (cell[:1].tolist() if closed else []))
        at = end
    return found
