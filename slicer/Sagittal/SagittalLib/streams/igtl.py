"""One connection of OpenIGTLink with threads of its own: the latest of each device comes in, the latest goes out."""
import collections
import itertools
import socket
import threading
import time

import numpy as np

from ..client.connection import shut
from ..client.errors import Cancelled, SagittalError, Unreachable
from ..client.stop import Stop
from . import contents
from .parts import Parts, merge_changes
from .wire import HEADER, BadMessage, pack, read_body, read_header

DEFAULT_PORT = 18944
FIRST_PAUSE = 0.3
LONGEST_PAUSE = 2.0
CONNECT_SECONDS = 5.0
MAX_DEVICES = 64
MAX_WAITING_BYTES = 1 << 30
MAX_ANSWERS = 256
FREE_BUFFERS = 4
PIECE = 1 << 20
QUESTIONS = ("GET_", "STT_", "STP_", "RTS_", "CAPABILITY", "CLIENTINFO")  # nothing that anybody would look at
READERS = {"IMAGE": contents.read_image, "TRANSFORM": contents.read_transform, "TDATA": contents.read_tracking,
           "STRING": contents.read_string, "STATUS": contents.read_status, "POINT": contents.read_points,
           "POLYDATA": contents.read_lines, "COMMAND": contents.read_command, "RTS_COMMAND": contents.read_command}


class Arrival:
    """The latest message of one device. Give it back with Link.release once its voxels were copied."""

    def __init__(self, message, value, buffer):
        self.kind = message.kind
        self.device = message.device
        self.value = value
        self.metadata = message.metadata
        self.time = message.time
        self.arrived = message.arrived
        self.buffer = buffer
        self.is_released = False

    @property
    def acquired(self):
        """Seconds since 1970, by the clock of who acquired it; 0: not told."""
        return _number(self.metadata.get("AcquisitionTime")) or self.time

    @property
    def pipeline_ms(self):
        """What the pipeline says that it took; None: not told."""
        return _number(self.metadata.get("PipelineLatencyMs"))


class DeviceCount:
    """How much came of a device, and how often."""

    def __init__(self):
        self.received = 0
        self.replaced = 0
        self._times = collections.deque(maxlen=40)

    def count(self, now):
        self.received += 1
        self._times.append(now)

    def rate(self, now):
        """A second, of late."""
        times = [t for t in list(self._times) if now - t < 3.0]
        return (len(times) - 1) / max(times[-1] - times[0], 1e-3) if len(times) > 1 else 0.0


class Link:
    """Connects, or listens for one peer at a time, again and again until `close`. Any thread may call it."""

    def __init__(self, host, port, listens=False, on_arrival=None, on_change=None, version=2, prepare=None):
        """prepare(Arrival): of each message before it waits. on_arrival(): something waits for `take`, told once until
        it was taken. on_change(): connected, lost or an error. All are called on threads of the link."""
        self.host, self.port, self.version = host, port, version
        self.listens = listens
        self.error = None
        self.bad_messages = 0
        self.not_taken = 0
        self.not_read = {}  # {type: device} of what comes and this cannot read
        self.peer = ""
        self.tap = None  # called with every Arrival on the link's thread
        self._prepare = prepare or (lambda arrival: None)
        self._on_arrival = on_arrival or (lambda: None)
        self._on_change = on_change or (lambda: None)
        self._stop = Stop()
        self._lock = threading.Lock()
        self._waiting = collections.OrderedDict()
        self._waiting_bytes = 0
        self._free = []
        self._parts = Parts()  # the receiving thread's
        self._last = {}  # {device: Arrival} of the last whole image, whose voxels parts go into
        self._counts = {}
        self._answers = collections.deque(maxlen=MAX_ANSWERS)
        self._outgoing = collections.OrderedDict()
        self._to_send = threading.Condition(self._lock)
        self._socket = None
        self._numbers = itertools.count(1)
        self._threads = [threading.Thread(target=call, name="sagittal-igtl", daemon=True)
                         for call in (self._receive_forever, self._send_forever)]
        for thread in self._threads:
            thread.start()

    @property
    def is_connected(self):
        return self._socket is not None

    @property
    def address(self):
        return "%s:%d" % (self.host, self.port)

    def close(self, wait=0.0):
        """Ends it; nothing is told from then on."""
        self._on_arrival = self._on_change = lambda: None
        self._stop.set()
        with self._lock:
            shut(self._socket)
            self._to_send.notify_all()
        for thread in self._threads if wait else ():
            thread.join(wait)

    # ---- what comes

    def take(self, most=None):
        """The Arrivals that wait, oldest first: at most one of a device and type, but for answers to commands."""
        taken = []
        with self._lock:
            while (self._answers or self._waiting) and (most is None or len(taken) < most):
                if self._answers:
                    taken.append(self._answers.popleft())
                else:
                    taken.append(self._waiting.popitem(last=False)[1])
                    self._waiting_bytes -= len(taken[-1].buffer)
        return taken

    def release(self, arrival):
        """Its bytes may be overwritten from here on."""
        with self._lock:
            self._keep(arrival)

    def counts(self):
        """{(type, device): DeviceCount}"""
        with self._lock:
            return dict(self._counts)

    # ---- what goes

    def send(self, kind, device, content, bulk=b"", metadata=None):
        """Goes as soon as it can; what waits of the same type and device gives way. Its bulk must not change."""
        self._put((kind, device), (kind, device, content, bulk, metadata or {}, None))

    def send_command(self, name, text, device="Control"):
        """Its number; the answer is an Arrival RTS_COMMAND whose value begins with it."""
        number = next(self._numbers)
        self._put(("COMMAND", number), ("COMMAND", device, contents.write_command(number, name, text), b"", {}, None))
        return number

    def send_made(self, kind, device, make, metadata=None):
        """As `send`, of (content, bulk) that `make()` gives on the link's thread once it is time; None: nothing."""
        self._put((kind, device), (kind, device, b"", b"", metadata or {}, make))

    def waits_to_send(self):
        with self._lock:
            return len(self._outgoing)

    def _put(self, key, message):
        with self._lock:
            if key not in self._outgoing and len(self._outgoing) >= MAX_DEVICES:
                self._outgoing.popitem(last=False)
            self._outgoing[key] = message
            self._to_send.notify_all()

    # ---- threads

    def _receive_forever(self):
        pause = FIRST_PAUSE
        listener = None
        while not self._stop.is_set:
            try:
                if self.listens and listener is None:
                    listener = self._listen()
                connection = self._accept(listener) if self.listens else self._connect()
                pause = FIRST_PAUSE if self._receive(connection) else pause
                self._told(None if self.listens else Unreachable("%s closed the connection." % self.address))
            except Cancelled:
                break
            except Exception as error:  # no memory, too: whatever it is, the connection is tried again
                self._told(self._explained(error))
            if self._stop.is_set or self._paused(pause):
                break
            pause = min(2 * pause, LONGEST_PAUSE)
        if listener is not None:
            listener.close()

    def _paused(self, seconds):
        try:
            self._stop.wait(seconds)
        except Cancelled:
            return True
        return False

    def _connect(self):
        return socket.create_connection((self.host, self.port), CONNECT_SECONDS)

    def _listen(self):
        listener = socket.create_server((self.host, self.port), backlog=1)
        self.port = listener.getsockname()[1]
        listener.settimeout(0.25)
        self._on_change()
        return listener

    def _accept(self, listener):
        while True:
            self._stop.check()
            try:
                return listener.accept()[0]
            except socket.timeout:
                continue

    def _receive(self, connection):
        """Until it is closed; whether anything came."""
        head, heard = bytearray(HEADER.size), False
        try:
            self._greet(connection)
            while _fill(connection, memoryview(head)):
                heard = True
                self._receive_body(connection, read_header(head))
        finally:
            with self._lock:
                self._socket = None
            connection.close()
        return heard

    def _greet(self, connection):
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.version >= 2:  # tells the peer that messages of protocol 3 are understood
            connection.sendall(b"".join(pack("STATUS", "", contents.write_status(), metadata={"dummy": "dummy"})))
        with self._lock:
            self._stop.check()
            self._socket = connection
            self.error = None
            self.peer = "%s:%d" % connection.getpeername()[:2]
            self._to_send.notify_all()
        self._on_change()

    def _receive_body(self, connection, header):
        buffer = self._buffer(header)
        body = memoryview(buffer)
        if not _fill(connection, body) and header.body_bytes:
            raise ConnectionError()
        try:
            message = read_body(header, body)
            reader = READERS.get(message.kind)
            if reader is None:
                self._cannot_read(message)
                return
            arrival = Arrival(message, reader(message.content), buffer)
            if arrival.kind == "IMAGE" and arrival.value.is_part:
                self._put_together(arrival)
            self._prepare(arrival)
            if arrival.kind == "IMAGE" and arrival.value.changed is None:
                self._keep_last(arrival)
            tap = self.tap
            if tap is not None:
                tap(arrival)
            self._arrived(arrival)
        except BadMessage as error:
            self.bad_messages += 1
            self._told(error)

    def _cannot_read(self, message):
        known = message.kind in self.not_read or message.kind.startswith(QUESTIONS)
        if not known and len(self.not_read) < MAX_DEVICES:
            self.not_read[message.kind] = message.device
            self._on_change()

    def _put_together(self, arrival):
        """A part becomes the whole image with it."""
        last = self._last.get(arrival.device)
        arrival.value = self._parts.add(arrival.device, arrival.value, last.value if last is not None else None)
        with self._lock:
            self._keep(arrival)
        arrival.buffer = b""

    def _keep_last(self, arrival):
        """Its bytes stay until the next whole image of the device: parts of it may come."""
        self._parts.whole(arrival.device)
        with self._lock:
            before = self._last.pop(arrival.device, None)
            if before is not None and before.is_released:
                self._keep(before)
            kept = sum(one.value.voxels.nbytes for one in self._last.values())
            if len(self._last) < MAX_DEVICES and kept + arrival.value.voxels.nbytes <= MAX_WAITING_BYTES:
                self._last[arrival.device] = arrival

    def _buffer(self, header):
        with self._lock:
            for n, free in enumerate(self._free):
                if len(free) == header.body_bytes:
                    return self._free.pop(n)
        return np.empty(header.body_bytes, np.uint8)  # takes memory only as it is filled, other than bytearray

    def _arrived(self, arrival):
        key = (arrival.kind, arrival.device)
        with self._lock:
            count = self._counts.get(key)
            if count is None:
                if len(self._counts) >= MAX_DEVICES:
                    self.not_taken += 1
                    return
                count = self._counts[key] = DeviceCount()
            count.count(arrival.arrived)
            was_empty = not self._waiting and not self._answers
            if arrival.kind == "RTS_COMMAND":
                self._answers.append(arrival)
            else:
                self._replace(key, arrival, count)
        if was_empty:
            self._on_arrival()

    def _replace(self, key, arrival, count):
        old = self._waiting.pop(key, None)
        if old is not None:
            if arrival.kind == "IMAGE":
                merge_changes(arrival.value, old.value)
            count.replaced += 1
            self._waiting_bytes -= len(old.buffer)
            self._keep(old)
        if self._waiting_bytes + len(arrival.buffer) > MAX_WAITING_BYTES:
            self.not_taken += 1
            return
        self._waiting[key] = arrival
        self._waiting_bytes += len(arrival.buffer)

    def _keep(self, arrival):
        """Its buffer, for the next message of that size; not of a large image, which may be shown from it."""
        arrival.is_released = True
        if self._last.get(arrival.device) is arrival:
            return
        if arrival.kind == "IMAGE" and arrival.buffer is not None and not arrival.value.is_large:
            self._free.append(arrival.buffer)
            del self._free[:-FREE_BUFFERS]
        arrival.buffer = None

    def _send_forever(self):
        while True:
            with self._lock:
                while not self._stop.is_set and (self._socket is None or not self._outgoing):
                    self._to_send.wait()
                if self._stop.is_set:
                    return
                connection, (_, message) = self._socket, self._outgoing.popitem(last=False)
            try:
                self._send(connection, *message)
            except OSError:
                pass  # the receiving thread tells of it
            except Exception as error:  # whatever a snapshot raises, somebody has to be told
                self._told(error if isinstance(error, SagittalError) else BadMessage(str(error)))

    def _send(self, connection, kind, device, content, bulk, metadata, make):
        if make is not None:
            made = make()
            if made is None:
                return
            content, bulk = made
        for part in pack(kind, device, content, bulk, metadata, self.version):
            view = memoryview(part)
            for begin in range(0, len(view), PIECE):
                connection.sendall(view[begin:begin + PIECE])

    def _told(self, error):
        if self._stop.is_set:
            return
        self.error = error
        self._on_change()

    def _explained(self, error):
        if isinstance(error, SagittalError):
            return error
        if isinstance(error, ConnectionRefusedError):
            return Unreachable("Nothing listens at %s. Does the pipeline run?" % self.address)
        if isinstance(error, socket.timeout):
            return Unreachable("%s does not answer in time." % self.address)
        if isinstance(error, socket.gaierror):
            return Unreachable("There is no computer called %s." % self.host)
        if isinstance(error, ConnectionError):
            return Unreachable("%s closed the connection." % self.address)
        return Unreachable("%s cannot be used: %s." % (self.address, getattr(error, "strerror", None) or error))


def _fill(connection, view):
    """Receives exactly that many bytes; False where the connection ended before the first."""
    at = 0
    while at < len(view):
        got = connection.recv_into(view[at:])
        if got == 0:
            if at == 0:
                return False
            raise ConnectionError()
        at += got
    return True


def _number(text):
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < 1e15 else None
