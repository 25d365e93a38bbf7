"""What Plus does on the wire, for tests where there is no Plus. Source of each habit: PlusLib 112a7f3 (BSD-3):
vtkPlusOpenIGTLinkServer, PlusIgtlClientInfo, vtkPlusIgtlMessageFactory, vtkPlusOpenIGTLinkDevice and its two heirs."""
import itertools
import re
import socket
import struct
import threading
import time
import xml.etree.ElementTree as ElementTree
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from igtl_wire import Connection, Message, listen_on, status, text

# What the OpenIGTLink library and Plus make messages of; after any other Plus loses its place in the stream.
KNOWN = set("TRANSFORM GET_TRANS POSITION IMAGE GET_IMAGE STATUS GET_STATUS CAPABILITY POINT GET_POINT TRAJ STRING TDATA RTS_TDATA STT_TDATA "
            "STP_TDATA POLYDATA GET_POLYDATA QTDATA GET_IMGMETA IMGMETA GET_LBMETA LBMETA COMMAND RTS_COMMAND VIDEO CLIENTINFO TRACKEDFRAME "
            "USMESSAGE".split())


def parts_of(name: str) -> tuple[str, str]:
    """"ProbeToTracker" as Probe and Tracker."""
    return re.fullmatch(r"(.+)To([A-Z0-9].*)", name).groups()


@dataclass
class ClientInfo:
    header_version: int = 1
    types: list = field(default_factory=list)
    transforms: list = field(default_factory=list)
    strings: list = field(default_factory=list)
    images: list = field(default_factory=list)  # (name, frame)
    tracking: bool = False
    resolution: int = 0
    tracking_sent: float = -1

    @classmethod
    def of(cls, element) -> "ClientInfo":
        """All of it is new, the header version too."""
        return cls(int(element.get("ClientHeaderVersion", 1)), [one.get("Type") for one in element.iterfind("MessageTypes/Message")],
                   [one.get("Name") for one in element.iterfind("TransformNames/Transform")],
                   [one.get("Name") for one in element.iterfind("StringNames/String")],
                   [(one.get("Name"), one.get("EmbeddedTransformToFrame")) for one in element.iterfind("ImageNames/Image")],
                   element.get("TDATARequested", "FALSE").upper() == "TRUE", int(element.get("TDATAResolution", 0)))

    def xml(self) -> str:
        root = ElementTree.Element("ClientInfo", TDATARequested=str(self.tracking).upper(), TDATAResolution=str(self.resolution))
        lists = {"MessageTypes": [("Message", {"Type": one}) for one in self.types],
                 "TransformNames": [("Transform", {"Name": one}) for one in self.transforms],
                 "StringNames": [("String", {"Name": one}) for one in self.strings],
                 "ImageNames": [("Image", {"Name": name, "EmbeddedTransformToFrame": frame}) for name, frame in self.images]}
        for name, elements in lists.items():
            inner = ElementTree.SubElement(root, name)
            for tag, attributes in elements:
                ElementTree.SubElement(inner, tag, attributes)
        return ElementTree.tostring(root, encoding="unicode")


class DeviceSet:
    def __init__(self, path):
        self.root = ElementTree.parse(path).getroot()
        self.server = self.root.find("PlusOpenIGTLinkServer")
        self.port = int(self.server.get("ListeningPort"))
        self.default = ClientInfo.of(self.server.find("DefaultClientInfo"))
        self.keep_alive_s = float(self.server.get("KeepAliveIntervalSec", 0.25))
        self.calibrations = {(one.get("From"), one.get("To")): np.array(one.get("Matrix").split(), float).reshape(4, 4)
                             for one in self.root.iterfind("CoordinateDefinitions/Transform")}

    def devices(self, kind: str) -> list:
        return [one for one in self.root.iter("Device") if one.get("Type") == kind]


@dataclass
class TrackedFrame:
    pixels: np.ndarray  # [rows, columns]
    fields: dict
    transforms: dict  # (from, to) -> matrix; those with status OK

    def __post_init__(self):
        self.fields = {key: value for key, value in self.fields.items() if value}


def read_sequence(path) -> list[TrackedFrame]:
    data = Path(path).read_bytes()
    end = data.index(b"\n", data.index(b"ElementDataFile = LOCAL")) + 1
    header = dict(line.split(" = ", 1) for line in data[:end].decode().splitlines())
    columns, rows, count = map(int, header["DimSize"].split())
    raw = zlib.decompress(data[end:]) if header.get("CompressedData") == "True" else data[end:]
    pixels = np.frombuffer(raw, np.uint8).reshape(count, rows, columns)
    frames = []
    for n in range(count):
        start = f"Seq_Frame{n:04}_"
        fields = {key[len(start):]: value.strip() for key, value in header.items() if key.startswith(start)}
        transforms = {parts_of(key[:-len("Transform")]): np.array(value.split(), float).reshape(4, 4)
                      for key, value in fields.items() if key.endswith("Transform") and fields.get(key + "Status", "OK") == "OK"}
        frames.append(TrackedFrame(pixels[n], fields, transforms))
    return frames


def find_transform(known: dict, source: str, target: str):
    """Along what is known, either way; None where there is no way."""
    if source == target:
        return np.eye(4)
    paths, seen = [(source, np.eye(4))], {source}
    for at, matrix in paths:
        for (first, last), step in known.items():
            for here, there, move in ((first, last, step), (last, first, None)):
                if here != at or there in seen:
                    continue
                found = (np.linalg.inv(step) if move is None else move) @ matrix
                if there == target:
                    return found
                seen.add(there)
                paths.append((there, found))
    return None


def image_content(pixels: np.ndarray, matrix: np.ndarray) -> bytes:
    """`matrix` takes columns and rows to RAS; the message names the centre."""
    rows, columns = pixels.shape
    centre = matrix @ [(columns - 1) / 2, (rows - 1) / 2, 0, 1]
    numbers = [*matrix[:3, 0], *matrix[:3, 1], *matrix[:3, 2], *centre[:3]]
    return struct.pack(">HBBBB3H12f3H3H", 1, 1, 3, 2, 1, columns, rows, 1, *numbers, 0, 0, 0, columns, rows, 1) + pixels.tobytes()


def transform_content(matrix: np.ndarray) -> bytes:
    return struct.pack(">12f", *matrix[:3, 0], *matrix[:3, 1], *matrix[:3, 2], *matrix[:3, 3])


def wire_time(seconds: float) -> int:
    return int(seconds) << 32 | int((seconds % 1) * (1 << 32))


class PlusServer:
    """Serves a sequence over and over: one thread sends to all clients, each client has one that reads."""

    def __init__(self, device_set: DeviceSet, frames: list[TrackedFrame], period_s: float, port: int = 0):
        self.device_set, self.frames, self.period_s = device_set, frames, period_s
        self.clients, self.lock, self.over = {}, threading.Lock(), threading.Event()
        self.times, self.skipped, self.lost, self.commands, self.recording = {}, [], [], [], None
        self.paused = False
        self.listener = listen_on(port)
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.accept, self.send_frames)]
        for thread in self.threads:
            thread.start()

    def accept(self):
        while not self.over.is_set():
            try:
                connection = Connection(self.listener.accept()[0])
            except OSError:
                return
            with self.lock:
                self.clients[connection] = ClientInfo(**vars(self.device_set.default))
            threading.Thread(target=self.listen, args=(connection,), daemon=True).start()

    # What comes.

    def listen(self, client: Connection):
        seen = []
        while not self.over.is_set():
            try:
                message = client.receive()
            except (OSError, ConnectionError):
                return  # it stays among the clients until something cannot be sent
            with self.lock:
                info = self.clients.get(client)
                if info is None:
                    return
                if message.version > info.header_version:
                    info.header_version = min(2, message.version)
                self.handle(client, info, message, seen)

    def handle(self, client, info, message, seen):
        if message.type not in KNOWN:
            self.lost.append(message.type)
        elif message.type == "CLIENTINFO":
            self.clients[client] = ClientInfo.of(ElementTree.fromstring(message.content[4:].decode()))
        elif message.type == "GET_STATUS":
            self.reply(client, info, "STATUS", "", status())
        elif message.type in ("STT_TDATA", "STP_TDATA"):
            info.tracking = message.type == "STT_TDATA"
            if info.tracking:
                info.resolution = struct.unpack_from(">I", message.content)[0]
            self.reply(client, info, "RTS_TDATA", "", b"\0")
        elif message.type == "COMMAND":
            number, name = struct.unpack_from(">I128s", message.content)
            if number in seen:
                return  # passed over without a word
            seen[:] = (seen + [number])[-10:]
            self.execute(client, info, message, number, name.rstrip(b"\0").decode())
        elif message.type == "STRING" and message.device.startswith("CMD_"):
            good, said = self.obey(ElementTree.fromstring(message.content[4:].decode()).attrib)
            answer = f'<CommandReply Status="{"SUCCESS" if good else "FAIL"}" Message="{said}" />'
            self.reply(client, info, "STRING", message.device.replace("CMD_", "ACK_"), text(answer))
        elif message.type != "STATUS":
            self.skipped.append(message.type)  # with a warning in its log, images too

    def execute(self, client, info, message, number, name):
        asked = ElementTree.fromstring(message.content[138:].decode())
        good, said = self.obey(asked.attrib)
        problem = "" if good else f' Error="{said}"'
        xml = f'<CommandReply Name="{name}" Status="{"SUCCESS" if good else "FAIL"}"{problem} Message="{said}"></CommandReply>'
        content = struct.pack(">I128sHI", number, name.encode(), 3, len(xml)) + xml.encode()
        metadata = {"Message": said, "Status": "SUCCESS" if good else "FAIL"} | ({} if good else {"Error": said})
        self.reply(client, info, "RTS_COMMAND", message.device, content, metadata)

    def obey(self, asked) -> tuple[bool, str]:
        self.commands.append(dict(asked))
        name, device = asked.get("Name"), asked.get("CaptureDeviceId")
        captures = [one.get("Id") for one in self.device_set.devices("VirtualCapture")]
        if name == "RequestDeviceIds":
            return True, ",".join(one.get("Id") for one in self.device_set.root.iter("Device"))
        if name not in ("StartRecording", "StopRecording"):
            return False, "Unknown command type requested."
        if device not in captures:
            return False, f"VirtualCapture has not been found ({device})"
        if name == "StartRecording":
            self.recording = asked.get("OutputFilename", "recording")
            return True, f"VirtualCapture ({device}) StartRecording successful."
        if self.recording is None:
            return False, f"VirtualCapture ({device}) StopRecording No frames to record."
        return True, f"VirtualCapture ({device}) StopRecording Recording 21 frames successful to file {self.recording}"

    def reply(self, client, info, kind, device, content, metadata=None):
        self.send(client, Message(kind, device, content, info.header_version, metadata or {}))

    def send(self, client, message):
        try:
            client.send(message)
        except OSError:
            self.clients.pop(client, None)  # so it learns that a client is gone

    # What goes.

    def send_frames(self):
        last_sent = time.monotonic()
        for n in itertools.count():
            if self.over.wait(self.period_s):
                return
            with self.lock:
                if not self.clients or self.paused:
                    if time.monotonic() - last_sent > self.device_set.keep_alive_s:
                        last_sent = time.monotonic()
                        for client in list(self.clients):
                            self.send(client, Message("STATUS", "", status()))  # of version 1, whatever the client sent
                    continue
                index = n % len(self.frames)
                now = time.time()
                self.times[wire_time(now)] = index
                for client, info in list(self.clients.items()):
                    for message in self.messages(info, self.frames[index], now):
                        self.send(client, message)
                last_sent = time.monotonic()

    def messages(self, info: ClientInfo, frame: TrackedFrame, now: float):
        """As PackMessages: by the client's list of types, in its order."""
        known = self.device_set.calibrations | frame.transforms
        stamp, version = wire_time(now), info.header_version
        for kind in info.types:
            if kind == "IMAGE":
                for name, target in info.images:
                    matrix = find_transform(known, name, target)
                    if matrix is not None:
                        yield Message("IMAGE", f"{name}_{target}", image_content(frame.pixels, matrix), version, frame.fields, stamp)
            elif kind == "TRANSFORM":
                for name in info.transforms:
                    matrix = find_transform(known, *parts_of(name))
                    if matrix is None:  # SendValidTransformsOnly
                        continue
                    metadata = {"TransformValid": "True", "TransformStatus": "OK"}
                    if len(name) > 20:
                        metadata["IGTL_DEVICE_NAME"] = name
                    yield Message("TRANSFORM", name[:20], transform_content(matrix), version, metadata, stamp)
            elif kind == "TDATA" and info.tracking and info.tracking_sent + info.resolution < now:  # milliseconds taken for seconds
                found = {name: find_transform(known, *parts_of(name)) for name in info.transforms}
                found = {name: matrix for name, matrix in found.items() if matrix is not None}
                info.tracking_sent = now
                content = b"".join(struct.pack(">20sBB", name[:20].encode(), 2, 0) + transform_content(matrix) for name, matrix in found.items())
                metadata = {name + key: value for n, name in enumerate(found) for key, value in (("Status", "OK"), ("Index", str(n)))}
                yield Message("TDATA", f"TDATA_{len(found)}Elem", content, version, metadata, stamp)
            elif kind == "STRING":
                for name in info.strings:
                    if name in frame.fields:
                        yield Message("STRING", name, text(frame.fields[name]), version, {}, stamp)

    def close(self):
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in list(self.clients):
            client.close()
        for thread in self.threads:
            thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        assert not self.lost, f"Plus would have lost its place after {self.lost}"


class PlusDevice:
    """OpenIGTLinkVideo and OpenIGTLinkTracker: a client that says first what it wishes, of version 1, then reads one message at a
    time. Of silence, only the tracker of TDATA makes a new connection."""

    def __init__(self, element, port: int):
        self.element, self.port = element, port
        self.connect()

    def connect(self):
        embedded = self.element.get("ImageMessageEmbeddedTransformName")
        frame = self.element.get("ToolReferenceFrame", "Tracker")
        wishes = ClientInfo(types=[self.element.get("MessageType")], images=[parts_of(embedded)] if embedded else [],
                            transforms=[f"{tool.get('Id')}To{frame}" for tool in self.element.iterfind("DataSources/DataSource[@Type='Tool']")])
        self.connection = Connection.to(self.port)
        self.connection.send(Message("CLIENTINFO", "", text(wishes.xml())))
        if wishes.types == ["TDATA"]:
            self.connection.send(Message("STT_TDATA", "", struct.pack(">I32s", 50, frame.encode())))

    def tick(self, timeout_s: float = 30):
        """The next message, whatever it is; None where none comes."""
        self.connection.socket.settimeout(timeout_s)
        try:
            message = self.connection.receive()
        except socket.timeout:
            return None
        assert message.type in KNOWN, f"Plus would have crashed of {message.type}"
        return message

    def close(self):
        if self.element.get("MessageType") == "TDATA":
            self.connection.send(Message("STP_TDATA", ""))
        self.connection.close()
