"""The caller's runs on a server: started, followed, stopped. Main thread, work on the workers."""
from ..client import EventStream, ServerError
from .calls import HubCalls
from .job import read_job

MOST_LOG = 1 << 20


class Runs:
    """What is known of the runs; told by `on_changed()` and, of the one that is watched, by `on_log()`."""

    def __init__(self, workers, connection, api, on_changed, on_log=None, on_ended=None, on_error=None):
        """on_ended(job): a run that was followed here is over. on_error(error or None): the list cannot be read, or can
        again."""
        self.jobs = []
        self.log = ""
        self.watched = ""
        self._workers, self._connection, self._calls = workers, connection, HubCalls(api)
        self._on_changed = on_changed
        self._on_log, self._on_ended = on_log or (lambda: None), on_ended or (lambda job: None)
        self._on_error = on_error or (lambda error: None)
        self._streams = {}
        self._own = set()
        self._refreshing = False
        self._log_bytes = bytearray()
        self._log_begin = 0
        self._log_task = None
        self._log_again = False
        self._closed = False

    def close(self):
        """Nothing is told from here on; the runs go on."""
        self._closed = True
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()

    def get(self, job):
        """A Job, or None."""
        return next((one for one in self.jobs if one.id == job), None)

    @property
    def are_unfinished(self):
        return any(not job.has_ended for job in self.jobs)

    def refresh(self):
        """Reads the list."""
        if self._refreshing or self._closed:
            return
        self._refreshing = True
        self._workers.run(lambda stop: self._calls.jobs(stop=stop), self._listed, self._not_listed,
                          lane="sagittal-hub-jobs")

    def add(self, job):
        """One that was started here: it is followed to its end."""
        self._own.add(job.id)
        self._take(job)
        self._follow(job)

    def watch(self, job):
        """Reads its log and hears of each change; an empty id: no one."""
        if job == self.watched:
            return
        left, self.watched = self.watched, job
        if left and left not in self._own:
            self._leave(left)
        self._log_bytes, self._log_begin, self.log = bytearray(), 0, ""
        self._on_log()
        known = self.get(job)
        if known is not None:
            self._follow(known)
            self._read_log()

    def cancel(self, job, failed=None):
        """Stops one that runs, forgets one that has ended."""
        self._workers.run(lambda stop: self._calls.end(job), lambda ignored: self.refresh(),
                          lambda error: self._not_ended(error, failed))

    def _not_ended(self, error, failed):
        self.refresh()
        if failed is not None and not (isinstance(error, ServerError) and error.status == 404):
            failed(error)

    # ---- the list

    def _listed(self, jobs):
        self._refreshing = False
        if self._closed:
            return
        before = {job.id: job for job in self.jobs}
        self.jobs = jobs
        for job in jobs:
            if job.id in self._own or job.id == self.watched:
                self._follow(job)
                was = before.get(job.id)
                if was is not None and job.has_ended and not was.has_ended:
                    self._over(job)
        for gone in set(self._streams) - {job.id for job in jobs}:
            self._leave(gone)
        self._on_error(None)
        self._on_changed()

    def _not_listed(self, error):
        self._refreshing = False
        if not self._closed:
            self._on_error(error)

    def _take(self, job):
        """Puts what is newly known in the place of the old; whether it was known."""
        for n, known in enumerate(self.jobs):
            if known.id == job.id:
                if known.has_ended and not job.has_ended:
                    return  # a message that was overtaken
                self.jobs[n] = job
                break
        else:
            self.jobs.insert(0, job)
        self._on_changed()

    # ---- one job

    def _follow(self, job):
        if job.id in self._streams or job.has_ended or self._closed:
            return
        path = "jobs/%s/events" % job.id
        self._streams[job.id] = EventStream(
            self._connection, path, lambda message: self._workers.deliver(self._heard, job.id, message),
            lambda error: self._workers.deliver(self._state_of_stream, job.id, error))

    def _leave(self, job):
        stream = self._streams.pop(job, None)
        if stream is not None:
            stream.close()

    def _heard(self, job, message):
        if job not in self._streams:
            return
        if "log" in message and job == self.watched:
            self._read_log()
        elif message.get("type") == "closed":
            self._leave(job)
            self._read_end(job)
        elif "state" in message:
            self._changed(message)

    def _changed(self, message):
        job = read_job(message)
        if job.has_ended:
            self._leave(job.id)
            self._read_end(job.id)
        else:
            self._take(job)

    def _state_of_stream(self, job, error):
        if job in self._streams and error is None and job == self.watched:
            self._read_log()  # lines may have come while nobody listened
        if isinstance(error, ServerError) and error.status == 404:
            self._leave(job)
            self.refresh()

    def _read_end(self, job):
        self._workers.run(lambda stop: self._calls.job(job, stop=stop), self._ended, lambda error: self.refresh())

    def _ended(self, job):
        if self._closed:
            return
        known = self.get(job.id)
        self._take(job)
        if not job.has_ended:
            self._follow(job)
        elif known is None or not known.has_ended:
            self._over(job)

    def _over(self, job):
        self._leave(job.id)
        if job.id == self.watched:
            self._read_log()
        if job.id in self._own:
            self._own.discard(job.id)
            self._on_ended(job)

    # ---- the log of the one that is watched

    def _read_log(self):
        if self._log_task is not None or self._closed:
            self._log_again = True
            return
        self._log_again = False
        job, begin = self.watched, self._log_begin
        self._log_task = self._workers.run(lambda stop: self._calls.log(job, begin, stop=stop),
                                           lambda data: self._log_came(job, data),
                                           lambda error: self._log_came(job, b""))

    def _log_came(self, job, data):
        self._log_task = None
        if self._closed:
            return
        if job == self.watched and data:
            self._log_begin += len(data)
            self._log_bytes += data
            del self._log_bytes[:-MOST_LOG]
            self.log = self._log_bytes.decode("utf-8", "replace")
            self._on_log()
        if job != self.watched or self._log_again:
            self._log_again = False
            if self.watched:
                self._read_log()
