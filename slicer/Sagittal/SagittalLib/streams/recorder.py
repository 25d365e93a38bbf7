"""Records the frames of one device as Plus does (.igs.mha): all that come, however slow the screen is."""
import os
import shutil
import threading

from ..client.errors import SagittalError
from .contents import Image

ELEMENTS = {"i1": "MET_CHAR", "u1": "MET_UCHAR", "i2": "MET_SHORT", "u2": "MET_USHORT", "i4": "MET_INT",
            "u4": "MET_UINT", "f4": "MET_FLOAT", "f8": "MET_DOUBLE"}
MAX_FRAMES = 100000
PLACE = "ImageToReferenceTransform"


class Recorder:
    """`take` is a tap of a Link; `finish` writes the file. Any thread."""

    def __init__(self, path, device):
        """Raises SagittalError where the file cannot be written."""
        self.path = path
        self.device = device
        self.frames = 0
        self.left_out = 0
        self.error = None
        self._lock = threading.Lock()
        self._form = None
        self._lines = []
        self._first = None
        try:
            self._pixels = open(path + ".part", "w+b")
        except OSError as error:
            raise SagittalError("%s cannot be written: %s." % (path, error.strerror)) from error

    def take(self, arrival):
        """Writes a frame; left out where its size or type is not the first's, or where parts of it have not come."""
        if arrival.kind != "IMAGE" or arrival.device != self.device:
            return
        with self._lock:
            if self._pixels.closed or self.error is not None:
                return
            form = (arrival.value.voxels.shape, arrival.value.voxels.dtype.str[1:])
            self._form = self._form or form
            if form != self._form or form[0][0] != 1 or self.frames >= MAX_FRAMES or not arrival.value.is_complete:
                self.left_out += 1
                return
            try:
                self._pixels.write(memoryview(arrival.value.voxels.reshape(-1)).cast("B"))
            except OSError as error:
                self.error = SagittalError("%s cannot be written: %s." % (self.path, error.strerror))
                return
            self._lines += _lines_of(self.frames, arrival, self._time_of(arrival))
            self.frames += 1

    def finish(self):
        """Writes the file; how many frames it has. Blocks. Raises SagittalError."""
        with self._lock:
            try:
                if self.error is not None:
                    raise self.error
                if self.frames == 0:
                    raise SagittalError("No frame of %s came that could be recorded; only flat images can."
                                        % self.device)
                self._write()
            except OSError as error:
                raise SagittalError("%s cannot be written: %s." % (self.path, error.strerror)) from error
            finally:
                self._pixels.close()
                os.remove(self.path + ".part")
        return self.frames

    def _time_of(self, arrival):
        time = arrival.acquired or arrival.arrived
        self._first = time if self._first is None else self._first
        return max(0.0, time - self._first)

    def _write(self):
        (_, height, width, *components), kind = self._form
        head = ["ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False",
                "CompressedData = False", "DimSize = %d %d %d" % (width, height, self.frames),
                "Kinds = domain domain list"]
        head += ["ElementNumberOfChannels = %d" % components[0]] if components else []
        head += ["ElementType = " + ELEMENTS[kind], "ElementSpacing = 1 1 1", "Offset = 0 0 0",
                 "TransformMatrix = 1 0 0 0 1 0 0 0 1", "UltrasoundImageOrientation = MF",
                 "UltrasoundImageType = " + ("RGB_COLOR" if components else "BRIGHTNESS")]
        whole = self.path + ".whole"
        with open(whole, "wb") as file:
            file.write(("\n".join(head + self._lines) + "\nElementDataFile = LOCAL\n").encode("utf-8"))
            self._pixels.flush()
            self._pixels.seek(0)
            shutil.copyfileobj(self._pixels, file, 1 << 20)
        os.replace(whole, self.path)


def _lines_of(number, arrival, time):
    image: Image = arrival.value
    place = " ".join("%.9g" % value for value in image.ijk_to_ras.ravel())
    begin = "Seq_Frame%04d_" % number
    return ["%s%s = %s" % (begin, name, value) for name, value in (
        ("FrameNumber", number), ("Timestamp", "%.6f" % time), ("ImageStatus", "OK"), (PLACE, place),
        (PLACE + "Status", "OK"))]
