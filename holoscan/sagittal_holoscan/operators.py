"""Operators for Holoscan's Python API. What travels with an image is in Holoscan's metadata, under these keys:

    igtl.device       its name, 20 bytes on the wire
    igtl.acquired_ns  when it was taken, UTC since 1970
    igtl.matrix       4 x 4 NumPy array: indices (column, row, slice) to millimetres in RAS
    igtl.metadata     dictionary of texts

A receiver writes them, operators between pass them on, and a sender reads them: what a network makes of an image goes
back with that image's time and place, whatever is between.
"""
import threading
from collections import OrderedDict, deque

import numpy as np
from holoscan.conditions import AsynchronousCondition, AsynchronousEventState
from holoscan.core import ConditionType, IOSpec, Operator

from .link import Link
from .messages import Envelope, Image, String, Transform

DEVICE, ACQUIRED, MATRIX, METADATA = "igtl.device", "igtl.acquired_ns", "igtl.matrix", "igtl.metadata"


def _read(metadata, key, otherwise):
    """Of Holoscan's dictionary of metadata, or of any other."""
    return metadata[key] if key in metadata.keys() else otherwise


def to_host(tensor) -> np.ndarray:
    """A copy in the memory of the CPU: the tensor's own may be used again while the copy waits to be sent."""
    if isinstance(tensor, np.ndarray) or hasattr(tensor, "__array_interface__"):
        return np.array(tensor)
    import cupy
    return cupy.asnumpy(cupy.asarray(tensor))


class OpenIGTLinkSenderOp(Operator):
    """Sends what comes at its input "in": a dictionary of tensors [rows, columns], [rows, columns, components] or
    [slices, rows, columns, components], each as an IMAGE; an Image, Transform or String of this package; a text.

    device: the name it is sent by; of several tensors, the tensor's own is put behind it. Empty: the name that came.
    tensors: names of those to be sent; empty: all. It never waits for a peer.
    """

    def __init__(self, fragment, *args, link: Link, device: str = "", tensors=(), **kwargs):
        self.link, self.device, self.tensors = link, device, tuple(tensors)
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec):
        spec.input("in")

    def start(self):
        self.link.open()

    def stop(self):
        self.link.close()

    def compute(self, op_input, op_output, context):
        value = op_input.receive("in")
        if isinstance(value, (Image, Transform, String)):
            if self.device:
                value.envelope.device = self.device
            self.link.send(value)
        elif isinstance(value, str):
            self.link.send(String(value, self._envelope("")))
        elif isinstance(value, dict):
            self._send_tensors(value)
        else:
            raise TypeError(f"operator \"{self.name}\": a {type(value).__name__} cannot be sent; expected tensors, an "
                            "Image, a Transform, a String or a text")

    def _envelope(self, tensor: str) -> Envelope:
        device = self.device or _read(self.metadata, DEVICE, "") or "Holoscan"
        return Envelope(device + tensor, int(_read(self.metadata, ACQUIRED, 0)),
                        {str(k): str(v) for k, v in dict(_read(self.metadata, METADATA, {})).items()})

    def _send_tensors(self, tensors):
        chosen = {name: tensor for name, tensor in tensors.items() if not self.tensors or name in self.tensors}
        for name, tensor in chosen.items():
            pixels = to_host(tensor)
            if pixels.ndim == 2:
                pixels = pixels[:, :, None]
            matrix = np.array(_read(self.metadata, MATRIX, np.eye(4)), dtype=np.float64)
            self.link.send(Image(pixels, matrix, self._envelope(f"_{name}" if len(chosen) > 1 else "")))


class OpenIGTLinkReceiverOp(Operator):
    """Sends on what peers send, at the outputs asked for: "image" ({tensor: array [rows, columns, components]}),
    "transform" (a Transform), "string" (a String). It runs only when something has come.

    devices: names that are taken; empty: all. Where the application is slower than the peers, the latest of each device
    is kept, and of texts the last 100; `dropped` counts the others. An output that nothing is connected to must not be
    asked for.
    """

    _KINDS = {"image": Image, "transform": Transform, "string": String}

    def __init__(self, fragment, *args, link: Link, outputs=("image",), tensor: str = "image", devices=(), **kwargs):
        if not outputs or any(output not in self._KINDS for output in outputs):
            raise ValueError(f"outputs are some of {', '.join(self._KINDS)}, found {outputs}")
        self.link, self.outputs, self.tensor, self.devices = link, tuple(outputs), tensor, tuple(devices)
        self.dropped = 0
        self._waiting: OrderedDict = OrderedDict()
        self._lock = threading.Lock()
        self._running = False
        self._wake = AsynchronousCondition(fragment, name=f"{kwargs.get('name', 'igtl')}_wake")
        super().__init__(fragment, self._wake, *args, **kwargs)

    def setup(self, spec):
        for output in self.outputs:  # a slow consumer of one must not keep the others waiting
            spec.output(output, policy=IOSpec.QueuePolicy.POP).condition(ConditionType.NONE)

    def start(self):
        self._wake.event_state = AsynchronousEventState.EVENT_WAITING
        self._running = True
        self.link.on_message(self._take)
        self.link.open()

    def stop(self):
        with self._lock:
            self._running = False
        self.link.off_message(self._take)
        self.link.close()

    def _take(self, message):
        output = next((name for name in self.outputs if isinstance(message, self._KINDS[name])), None)
        if output is None or (self.devices and message.envelope.device not in self.devices):
            return
        with self._lock:
            if not self._running:
                return
            waiting = self._waiting.setdefault((output, message.envelope.device), deque())
            waiting.append(message)
            if len(waiting) > (100 if output == "string" else 1):
                waiting.popleft()
                self.dropped += 1
            self._wake.event_state = AsynchronousEventState.EVENT_DONE

    def compute(self, op_input, op_output, context):
        with self._lock:
            if not self._waiting:
                self._wake.event_state = AsynchronousEventState.EVENT_WAITING
                return
            key, waiting = self._waiting.popitem(last=False)
            message = waiting.popleft()
            if waiting:
                self._waiting[key] = waiting
            more = bool(self._waiting)
            self._wake.event_state = AsynchronousEventState.EVENT_DONE if more else AsynchronousEventState.EVENT_WAITING
        output, device = key
        self.metadata[DEVICE] = device
        self.metadata[ACQUIRED] = message.envelope.acquired_ns
        self.metadata[METADATA] = dict(message.envelope.metadata)
        if output == "image":
            self.metadata[MATRIX] = message.matrix
            op_output.emit({self.tensor: message.pixels}, output)
        else:
            op_output.emit(message, output)
