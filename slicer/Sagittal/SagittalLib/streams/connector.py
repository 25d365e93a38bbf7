"""A connection that SlicerOpenIGTLink keeps, where that extension is installed. Main thread."""
import slicer

from ..client.errors import SagittalError

CLASS = "vtkMRMLIGTLConnectorNode"


def is_installed():
    """Whether Slicer has SlicerOpenIGTLink: asked each time, for extensions come while Slicer runs."""
    return hasattr(slicer, CLASS)


class SlicerConnector:
    """A connector node of its own, taken out of the scene at the end."""

    def __init__(self, scene, host, port, listens=False):
        if not is_installed():
            raise SagittalError("SlicerOpenIGTLink is not installed: use the extension's own connection.")
        self._scene = scene
        self.node = scene.AddNewNodeByClass(CLASS, "Sagittal stream")
        if listens:
            self.node.SetTypeServer(port)
        else:
            self.node.SetTypeClient(host, port)
        self.node.Start()

    @property
    def is_connected(self):
        return self.node.GetState() == getattr(slicer, CLASS).StateConnected

    def close(self):
        self.node.Stop()
        if self._scene.IsNodePresent(self.node):
            self._scene.RemoveNode(self.node)

    def node_of(self, device):
        """The volume that a device fills; None: there is none yet."""
        for n in range(self.node.GetNumberOfIncomingMRMLNodes()):
            node = self.node.GetIncomingMRMLNode(n)
            if node is not None and node.GetName() == device:
                return node
        return None

    def send(self, node):
        """Once: what is registered would go at each change."""
        registration = self.watch(node)
        registration.close()

    def watch(self, node):
        """Slicer sends it at each change; its `close` ends that."""
        self.node.RegisterOutgoingMRMLNode(node)
        self.node.PushNode(node)
        return _Registration(self.node, node)


class _Registration:
    def __init__(self, connector, node):
        self._connector, self.node = connector, node

    def close(self):
        self._connector.UnregisterOutgoingMRMLNode(self.node)
