"""Volumes of the scene as files for the server: an image, or the DICOM files that the volume was loaded from."""
import collections
import hashlib
import io
import time
import zipfile

from .. import volumes
from ..client import SagittalError

SENT_AS = "Sagittal.Volumes"
MOST_REMEMBERED = 8
MOST_TRIES = 3
SLICE_SECONDS = 0.01


def instance_uids(node):
    """Of the DICOM instances that a volume was loaded from; empty for others."""
    return (node.GetAttribute("DICOM.instanceUIDs") or "").split()


def ids_of(node):
    """Under which ids a volume was sent before; kept in the scene."""
    return (node.GetAttribute(SENT_AS) or "").split()


def remember(node, volume):
    """That a volume was sent under an id."""
    ids = ([volume] + [one for one in ids_of(node) if one != volume])[:MOST_REMEMBERED]
    if ids != ids_of(node):
        node.SetAttribute(SENT_AS, " ".join(ids))


def node_of(scene, ids):
    """The volume of the scene that was sent under the first of the ids that any was, or None."""
    nodes = [scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode")
             for n in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))]
    for volume in ids:
        for node in nodes:
            if volume in ids_of(node):
                return node
    return None


class Scans:
    """Sends volumes, each once for as long as server and volume stay the same. Main thread, work on the workers."""

    def __init__(self, workers, api, file_of_instance=None):
        """file_of_instance(uid): the path of a DICOM file, empty where there is none; None: no database of DICOM."""
        self._workers = workers
        self._api = api
        self._file_of_instance = file_of_instance
        self._known = {}

    def has_dicom(self, node):
        """Whether the DICOM files of a volume are still there, by its first one."""
        uids = instance_uids(node)
        return bool(uids and self._file_of_instance is not None and self._file_of_instance(uids[0]))

    def send(self, node, as_dicom, done, failed, progress=None):
        """done(volume id) once the server has it, or failed(error); progress(sent, total) in bytes, -1 while the server
        is away. Returns what has `cancel()`."""
        sending = _Sending(self, node, as_dicom, done, failed, progress or (lambda sent, total: None))
        sending.begin()
        return sending


class _Sending:
    """One volume on its way."""

    def __init__(self, scans, node, as_dicom, done, failed, progress):
        self._scans, self._node, self._as_dicom = scans, node, as_dicom
        self._done, self._failed, self._progress = done, failed, progress
        self._workers, self._api = scans._workers, scans._api
        self._tries = 0
        self._cancelled = False
        self._task = None

    def cancel(self):
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    def begin(self):
        try:
            if self._as_dicom:
                self._gather(collections.deque(instance_uids(self._node)), [])
            else:
                taken = volumes.snapshot(self._node)
                key = (self._node.GetID(),)
                self._run(key, taken.stamp, lambda stop: volumes.pack(taken, not self._is_local, stop))
        except SagittalError as error:
            self._workers.deliver(self._fail, error)

    @property
    def _is_local(self):
        return self._api.connection.address.is_local

    def _gather(self, uids, files):
        """Asks Slicer's database for the files, a few at a time: it lives on the main thread."""
        if self._cancelled:
            return
        end = time.monotonic() + SLICE_SECONDS
        while uids and time.monotonic() < end:
            path = self._scans._file_of_instance(uids.popleft())
            if not path:
                self._fail(SagittalError("Slicer's DICOM database does not have all files of %s any more. Import them "
                                         "again, or send the image without DICOM." % self._node.GetName()))
                return
            files.append(path)
        if uids:
            self._workers.deliver(self._gather, uids, files)
            return
        key = ("dicom", hashlib.sha1("\n".join(files).encode()).hexdigest())
        name = (self._node.GetName() or "series") + ".zip"
        self._run(key, key, lambda stop: zip_of(files, name, not self._is_local, stop))

    def _run(self, key, stamp, pack):
        known = self._scans._known.get(key)
        known = known[1] if known is not None and known[0] == stamp else ""

        def work(stop):
            if known and self._api.received(known, stop=stop) == -1:
                return known
            file = pack(stop)
            volumes.upload(self._api, file, stop, self._tell)
            return file.id

        self._task = self._workers.run(work, lambda volume: self._sent(key, stamp, volume), self._fail,
                                       lane="sagittal-hub-upload")

    def _sent(self, key, stamp, volume):
        if self._cancelled:
            return
        if not self._as_dicom and volumes.stamp(self._node) != stamp:
            self._tries += 1
            if self._tries < MOST_TRIES:
                self.begin()  # it was changed while it was being packed
            else:
                self._fail(SagittalError("%s changes all the time. Stop that, then run the model." %
                                         self._node.GetName()))
            return
        self._scans._known[key] = (stamp, volume)
        if self._node.GetScene() is not None:
            remember(self._node, volume)
        self._done(volume)

    def _tell(self, sent, total):
        self._workers.deliver(self._told, sent, total)

    def _told(self, sent, total):
        if not self._cancelled:
            self._progress(sent, total)

    def _fail(self, error):
        if not self._cancelled:
            self._failed(error)


def zip_of(files, name, compress, stop):
    """The same bytes for the same files, whatever they are called."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED, compresslevel=1) as made:
        for number, path in enumerate(files):
            stop.check()
            entry = zipfile.ZipInfo("%06d.dcm" % number)
            entry.compress_type = made.compression
            try:
                with open(path, "rb") as file:
                    made.writestr(entry, file.read())
            except OSError as error:
                raise SagittalError("%s cannot be read: %s." % (path, error.strerror)) from error
    whole = data.getvalue()
    return volumes.File(name, whole, hashlib.sha256(whole).hexdigest())
