"""What the Streams module does: a pipeline on the server, a link to it, nodes that come and go. Main thread."""
import os
import time

from ..client import Api
from ..client.errors import SagittalError
from ..work import Workers
from . import connector, outgoing, slices
from .igtl import Link
from .nodes import AS_LABELS, StreamNodes
from .pipelines import Pipelines
from .recorder import Recorder

TICK_SECONDS = 0.02
VIDEO_NEEDS = ("\"%s\" comes as VIDEO, which needs a codec. %s to see it, or let the pipeline send pictures: an "
               "igtl_output that takes what the encoder takes.")
LONGEST_LATENCY_S = 3600.0


class Device:
    """What a table shows of a device that is received."""

    def __init__(self, kind, name):
        self.kind = kind
        self.name = name
        self.rate = 0.0
        self.received = self.replaced = 0
        self.node_name = ""
        self.latency_ms = None
        self.pipeline_ms = None


class StreamsLogic:
    """`on_change()` is called whenever something of it is new."""

    def __init__(self, scene, settings, workers=None, on_change=None):
        self.scene = scene
        self.workers = workers or Workers(threads=2)
        self._own_workers = workers is None
        self._settings = settings
        self._on_change = on_change or (lambda: None)
        self.nodes = StreamNodes(scene)
        self.pipelines = Pipelines(self.workers, self._api, self._changed)
        self.link = None
        self.slicer_connector = None
        self.live = {}
        self.recorder = None
        self.note = ""
        self.error = None
        self._watches = {}
        self._latency = {}

    def close(self):
        """Ends threads and connections; pipelines of the server go on."""
        self._on_change = lambda: None
        self.disconnect()
        self.pipelines.close()
        if self._own_workers:
            self.workers.close()

    def _api(self):
        return Api(self._settings.connection())

    def server_host(self):
        """The computer of the server that is set; empty where its address is none."""
        try:
            return self._settings.connection().address.host
        except SagittalError:
            return ""

    def _changed(self):
        for device in self.pipelines.label_devices():
            self.nodes.guess(device, AS_LABELS)
        self._on_change()

    # ---- the connection

    def connect(self, host, port, listens=False):
        """Speaks OpenIGTLink with our own receiver, again and again until `disconnect`."""
        self.disconnect()
        self.link = Link(host, port, listens, on_change=lambda: self.workers.deliver(self._on_change_of_link),
                         prepare=self.nodes.prepare)
        self._changed()

    def connect_slicer(self, host, port, listens=False):
        """Leaves the connection to SlicerOpenIGTLink. Raises SagittalError where it is not installed."""
        self.disconnect()
        self.slicer_connector = connector.SlicerConnector(self.scene, host, port, listens)
        self._changed()

    def disconnect(self):
        for node_id in list(self._watches):
            self.watch(None, node_id)
        if self.recorder is not None:
            self.stop_recording()
        if self.link is not None:
            self.link.close()
            self.link = None
        if self.slicer_connector is not None:
            self.slicer_connector.close()
            self.slicer_connector = None
        self._latency.clear()

    @property
    def is_connected(self):
        if self.slicer_connector is not None:
            return self.slicer_connector.is_connected
        return self.link is not None and self.link.is_connected

    @property
    def has_connection(self):
        return self.link is not None or self.slicer_connector is not None

    def _on_change_of_link(self):
        self._on_change()

    # ---- what comes

    def tick(self):
        """Shows the latest of each device; call it as often as the screen changes. How many nodes were changed."""
        changed = 0
        if self.slicer_connector is not None:
            self._follow()
        if self.link is None:
            return 0
        end = time.monotonic() + TICK_SECONDS
        while time.monotonic() < end:
            arrivals = self.link.take(1)
            if not arrivals:
                break
            changed += self._take(arrivals[0])
        if changed:
            self._follow()
        return changed

    def _take(self, arrival):
        if arrival.kind == "RTS_COMMAND":
            self.note = arrival.value[2][:500]
            self._on_change()
            return 0
        if arrival.kind == "STATUS":
            code, name, message = arrival.value
            if code != 1:
                self.note = "%s: %s" % (name or arrival.device or "Status %d" % code, message)
                self._on_change()
        known = self.nodes.nodes().get((arrival.kind, arrival.device))
        node = self.nodes.take(arrival)
        if node is not None and known is not node and node.IsA("vtkMRMLLabelMapVolumeNode"):
            for _, view in self.live.values():
                slices.show(self.scene, view.slice_node, node)
        latency = time.time() - arrival.acquired if arrival.acquired else None
        if latency is not None and not 0 <= latency < LONGEST_LATENCY_S:
            latency = None
        self._latency[arrival.kind, arrival.device] = (latency, arrival.pipeline_ms)
        self.link.release(arrival)
        return int(node is not None)

    def devices(self):
        """Devices that were received, by name."""
        if self.link is None:
            return []
        now, found = time.time(), []
        nodes = self.nodes.nodes()
        for (kind, name), count in sorted(self.link.counts().items(), key=lambda item: (item[0][1], item[0][0])):
            if kind in ("STATUS", "RTS_COMMAND"):
                continue
            device = Device(kind, name)
            device.rate, device.received, device.replaced = count.rate(now), count.received, count.replaced
            latency, device.pipeline_ms = self._latency.get((kind, name), (None, None))
            device.latency_ms = None if latency is None else 1000 * latency
            node = nodes.get((kind, name))
            device.node_name = node.GetName() if node is not None else ""
            found.append(device)
        return found

    def not_shown(self):
        """A sentence on what comes and cannot be shown; empty: all is."""
        kinds = dict(self.link.not_read) if self.link is not None else {}
        said = []
        if "VIDEO" in kinds:
            said.append(VIDEO_NEEDS % (kinds.pop("VIDEO") or "without name",
                                       "Choose OpenIGTLinkIF" if connector.is_installed() else
                                       "Install SlicerOpenIGTLink and choose OpenIGTLinkIF"))
        if kinds:
            said.append("What comes as %s is not shown." % ", ".join(sorted(kinds)))
        return " ".join(said)

    # ---- live views

    def show_live(self, device, slice_node):
        """A slice view follows the images of a device; device None: it follows none."""
        key = slice_node.GetID()
        self.live.pop(key, None)
        if device is not None:
            self.live[key] = (device, slices.LiveSlice(slice_node))
            self._follow()

    def live_device(self, slice_node):
        return self.live.get(slice_node.GetID(), (None,))[0]

    def _follow(self):
        for device, view in self.live.values():
            node = self.nodes.node_of(device)
            if node is None and self.slicer_connector is not None:
                node = self.slicer_connector.node_of(device)
            if node is None or not node.IsA("vtkMRMLVolumeNode"):
                continue
            composite = slices.composite_of(self.scene, view.slice_node)
            if composite is not None and node.GetID() not in (composite.GetBackgroundVolumeID(),
                                                              composite.GetLabelVolumeID()):
                slices.show(self.scene, view.slice_node, node)
                self._show_labels(view)
            view.follow(node)

    def _show_labels(self, view):
        """Labels that came before the view followed anything."""
        for node in self.nodes.nodes().values():
            if node.IsA("vtkMRMLLabelMapVolumeNode"):
                slices.show(self.scene, view.slice_node, node)

    # ---- what goes

    def send(self, node, device=""):
        """Sends a node once, as soon as there is a connection. Raises SagittalError."""
        self._check_may_go(node)
        if self.slicer_connector is not None:
            self.slicer_connector.send(node)
        else:
            outgoing.send(self.link, node, device)

    def watch(self, node, node_id=None, device=""):
        """Sends a node whenever it changes; node None: `node_id` no longer."""
        old = self._watches.pop(node_id if node is None else node.GetID(), None)
        if old is not None:
            old.close()
        if node is None:
            return
        self._check_may_go(node)
        if self.slicer_connector is not None:
            self._watches[node.GetID()] = self.slicer_connector.watch(node)
        else:
            self._watches[node.GetID()] = outgoing.Watch(self.link, node, device, self._failed)

    def is_watched(self, node):
        return node is not None and node.GetID() in self._watches

    def _check_may_go(self, node):
        if not self.has_connection:
            raise SagittalError("There is no connection: connect to a pipeline first.")
        if node is None:
            raise SagittalError("Choose a volume, transform or text to send.")
        if node in self.nodes.nodes().values():
            raise SagittalError("%s comes from this stream: sending it back would go round and round." % node.GetName())

    # ---- recording

    def start_recording(self, path, device):
        """Every frame of a device goes into a file from now on. Raises SagittalError."""
        if self.link is None:
            raise SagittalError("Frames are recorded from the extension's own connection: connect with that.")
        if self.recorder is not None:
            raise SagittalError("A recording runs already.")
        self.recorder = Recorder(path, device)
        self.link.tap = self.recorder.take
        self._changed()

    def stop_recording(self):
        """Writes the file, beside the main thread."""
        recorder, self.recorder = self.recorder, None
        if recorder is None:
            return
        if self.link is not None:
            self.link.tap = None

        def written(frames):
            self.note = "%d frames are in %s." % (frames, os.path.basename(recorder.path))
            if recorder.left_out:
                self.note += " %d were left out: of another size, or not all of them had come." % recorder.left_out
            self._on_change()

        self.workers.run(lambda stop: recorder.finish(), written, self._failed, lane="recording")
        self._changed()

    def _failed(self, error):
        self.error = error
        self._on_change()
