"""The Hub module without its widgets: over a scene, workers and a server."""
import os

from ..client import Api, SagittalError, ServerError
from . import results, scans, segmentation
from .calls import HubCalls
from .needs import read_licence, read_needs
from .runs import Runs


class Order:
    """A model to be run: `inputs` are (role, volume node, whether its DICOM files are sent)."""

    def __init__(self, name, source, inputs, workflow="", backend="", accept_licence=False):
        self.name, self.source, self.inputs = name, source, inputs
        self.workflow, self.backend, self.accept_licence = workflow, backend, accept_licence

    def request(self, volumes):
        """The body of POST /jobs."""
        given = [dict({"volume": volume}, **({"role": role} if role else {}))
                 for (role, _, _), volume in zip(self.inputs, volumes)]
        more = {"workflow": self.workflow, "backend": self.backend, "source": self.source}
        body = dict({"model": self.name, "inputs": given}, **{name: text for name, text in more.items() if text})
        if self.accept_licence:
            body["accept_licence"] = True
        return body


class HubLogic:
    """Main thread; each call answers through done(value) or failed(error) on it."""

    def __init__(self, scene, workers, connection, file_of_instance=None, on_changed=None, on_log=None, on_ended=None,
                 on_error=None):
        self.scene = scene
        self.api = Api(connection)
        self._workers = workers
        self._calls = HubCalls(self.api)
        self.scans = scans.Scans(workers, self.api, file_of_instance)
        self.runs = Runs(workers, connection, self.api, on_changed or (lambda: None), on_log, on_ended, on_error)
        self._search = None
        self._opening = {}

    def close(self):
        """Runs go on; this logic tells nothing more."""
        self.runs.close()
        if self._search is not None:
            self._search.cancel()
        for opening in self._opening.values():
            opening.cancel()
        self._opening.clear()

    # ---- models

    def search(self, filters, done, failed):
        """The catalogue under filters; a newer search takes the place of one that is under way."""
        if self._search is not None:
            self._search.cancel()
        self._search = self._workers.run(lambda stop: self._calls.models(filters, stop=stop), done, failed)

    def card(self, name, source, done, failed):
        return self._workers.run(lambda stop: self._calls.card(name, source, stop=stop), done, failed)

    def needs(self, name, source, workflow, done, failed):
        """The Needs of a workflow."""
        return self._workers.run(lambda stop: read_needs(self._calls.inputs(name, source, workflow, stop=stop)), done,
                                 failed)

    def backends(self, done, failed):
        return self._workers.run(lambda stop: self._calls.backends(stop=stop), done, failed)

    # ---- runs

    def run(self, order, done, failed, progress=None, on_licence=None):
        """Sends the volumes and starts the run; done(Job). on_licence(Licence): it is to be accepted first, and nothing
        was started. progress(sentence, fraction). Returns what has `cancel()`."""
        tell = progress or (lambda text, fraction: None)
        return _Start(self, order, done, failed, tell, on_licence or failed).begin()

    def save(self, job, output, path, done, failed):
        """Writes a file of the results to `path`, whole or not at all."""
        return self._workers.run(lambda stop: _save(self._calls, job, output, path, stop), done, failed)

    def read(self, job, output, done, failed):
        """done(text) of a small file of the results."""
        return self._workers.run(lambda stop: self._calls.text(job.id, output.path, stop=stop), done, failed)

    def record(self, job, done, failed):
        """done(how the results of an ended run were made)."""
        return self._workers.run(lambda stop: self._calls.record(job.id, stop=stop), done, failed)

    def open(self, job, done, failed):
        """The segmentations of a run in the scene: done([node, …]). Those that are there are shown as they are."""
        opening = self._opening.get(job.id)
        if opening is None:
            opening = self._opening[job.id] = _Opening(self, job)
            opening.begin()
        opening.add(done, failed)

    def volume_of(self, job):
        """The volume of the scene that a run was given first, or None."""
        return scans.node_of(self.scene, [one.volume for one in job.inputs if one.volume])


class _Opening:
    """The results of one run on their way into the scene; who asks meanwhile hears of it too."""

    def __init__(self, logic, job):
        self._logic, self._job = logic, job
        self._listeners = []
        self._task = None

    def add(self, done, failed):
        self._listeners.append((done, failed))

    def cancel(self):
        self._listeners = []
        if self._task is not None:
            self._task.cancel()

    def begin(self, may_send=True):
        """Reads what is not in the scene. `may_send`: an image that the server has forgotten is sent again."""
        job, logic = self._job, self._logic
        missing = [one for one in job.segmentations if segmentation.find(logic.scene, job.id, one.path) is None]
        self._task = logic._workers.run(lambda stop: [results.fetch(logic._calls, job, one, stop) for one in missing],
                                        self._came, lambda error: self._did_not(error, may_send))

    def _came(self, found):
        job, scene = self._job, self._logic.scene
        first = self._logic.volume_of(job)
        for result in found:
            segmentation.add(scene, result, job.title, scans.node_of(scene, [result.volume]) or first)
        nodes = [segmentation.find(scene, job.id, one.path) for one in job.segmentations]
        for node in nodes:
            segmentation.show(node)
        for done, _ in self._end():
            done(nodes)

    def _did_not(self, error, may_send):
        gone = may_send and isinstance(error, results.VolumeGone)
        node = scans.node_of(self._logic.scene, error.volumes) if gone else None
        if node is None:
            self._fail(error)
            return
        as_image = any(one.description.endswith(".nrrd") for one in self._job.inputs)
        as_dicom = not as_image and self._logic.scans.has_dicom(node)
        self._task = self._logic.scans.send(node, as_dicom, lambda volume: self._sent(node, volume, error.volumes),
                                            self._fail)

    def _sent(self, node, volume, wanted):
        if volume in wanted:
            self.begin(may_send=False)
        else:
            self._fail(SagittalError("%s is not as it was when the model was run on it, and the server has forgotten "
                                     "that image. Run the model again." % node.GetName()))

    def _fail(self, error):
        for _, failed in self._end():
            failed(error)

    def _end(self):
        self._logic._opening.pop(self._job.id, None)
        listeners, self._listeners = self._listeners, []
        return listeners


class _Start:
    """Volumes, one after the other, then the run."""

    def __init__(self, logic, order, done, failed, progress, on_licence):
        self._logic, self._order = logic, order
        self._done, self._failed, self._progress, self._on_licence = done, failed, progress, on_licence
        self._volumes = []
        self._current = None

    def begin(self):
        self._next()
        return self

    def cancel(self):
        if self._current is not None:
            self._current.cancel()

    def _next(self):
        if len(self._volumes) == len(self._order.inputs):
            self._submit()
            return
        _, node, as_dicom = self._order.inputs[len(self._volumes)]
        name = node.GetName()
        self._progress("Preparing %s …" % name, 0.0)
        self._current = self._logic.scans.send(node, as_dicom, self._sent, self._failed,
                                               lambda sent, total: self._tell(name, sent, total))

    def _tell(self, name, sent, total):
        if sent < 0:
            self._progress("The server is away; trying again …", 0.0)
        else:
            self._progress("Sending %s" % name, sent / total if total else 1.0)

    def _sent(self, volume):
        self._volumes.append(volume)
        self._next()

    def _submit(self):
        self._progress("Starting …", 1.0)
        calls, request = self._logic._calls, self._order.request(self._volumes)
        self._current = self._logic._workers.run(lambda stop: calls.start(request, stop=stop), self._started,
                                                 self._refused)

    def _started(self, job):
        self._logic.runs.add(job)
        self._done(job)

    def _refused(self, error):
        if isinstance(error, ServerError) and error.code == "licence_not_accepted":
            details = error.details if isinstance(error.details, dict) else {}
            self._on_licence(read_licence(details.get("licence")))
        else:
            self._logic.runs.refresh()  # where only the answer was lost, it runs
            self._failed(error)


def _save(calls, job, output, path, stop):
    part = path + ".part"
    try:
        with open(part, "wb") as file:
            calls.save(job.id, output.path, file, stop=stop)
        os.replace(part, path)
    except OSError as error:
        raise SagittalError("%s cannot be written: %s." % (path, error.strerror)) from error
    finally:
        if os.path.exists(part):
            os.remove(part)
    return path
