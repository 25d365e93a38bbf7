"""The hub's and the runs' part of the API. Each call blocks: worker threads only."""
import urllib.parse

from ..client import BadAnswer
from .job import read_job, read_jobs

MAX_LOG = 1 << 24
MAX_TEXT = 1 << 16
FILTERS = ("search", "modality", "body_part", "structure", "licence", "engine", "source")


class HubCalls:
    """Over an Api. Each may raise any SagittalError."""

    def __init__(self, api):
        self.api = api

    def models(self, filters=None, **options):
        """The catalogue; `filters` by the names of FILTERS, empty texts do not filter."""
        asked = {name: text for name, text in (filters or {}).items() if text}
        answer = self.api.get("hub/models", asked, **options)
        if not isinstance(answer.get("models"), list) or not isinstance(answer.get("total"), int):
            raise BadAnswer("The server's answer has no list of models.")
        return answer

    def card(self, name, source, **options):
        """All that is known of one model."""
        return self.api.get("hub/models/" + _quoted(name), {"source": source or None}, **options)

    def inputs(self, name, source, workflow="", **options):
        """What a workflow of a model reads; the default one where `workflow` is empty."""
        query = {"source": source or None, "workflow": workflow or None}
        answer = self.api.get("hub/models/%s/inputs" % _quoted(name), query, **options)
        if not isinstance(answer.get("inputs"), list) or not isinstance(answer.get("volumes"), dict):
            raise BadAnswer("The server does not tell what the model reads.")
        return answer

    def backends(self, **options):
        answer = self.api.get("hub/backends", **options)
        if not isinstance(answer.get("backends"), list):
            raise BadAnswer("The server does not tell what runs models.")
        return answer

    def start(self, request, **options):
        """The new Job. ServerError with the code licence_not_accepted tells the licence in its details."""
        return read_job(self.api.post("jobs", request, **options))

    def jobs(self, **options):
        """The caller's, newest first."""
        return read_jobs(self.api.get("jobs", **options))

    def job(self, job, **options):
        return read_job(self.api.get("jobs/" + _quoted(job), **options))

    def record(self, job, **options):
        """How an ended run's results were made; empty where it left no record."""
        record = self.api.get("jobs/" + _quoted(job), **options).get("record")
        return record if isinstance(record, dict) else {}

    def end(self, job, **options):
        """Cancels a run, or forgets one that has ended, with its files."""
        self.api.delete("jobs/" + _quoted(job), **options)

    def log(self, job, begin, **options):
        """Bytes of the log from `begin` on."""
        return self.api.connection.request("GET", "jobs/%s/logs" % _quoted(job), {"from": begin}, max_bytes=MAX_LOG,
                                           **options).body

    def save(self, job, path, file, **options):
        """Writes a file of the results into `file`."""
        self.api.download("jobs/%s/outputs/%s" % (_quoted(job), _quoted(path, "/")), file, **options)

    def text(self, job, path, **options):
        """A file of the results that is a text of up to MAX_TEXT bytes."""
        path = "jobs/%s/outputs/%s" % (_quoted(job), _quoted(path, "/"))
        data = self.api.connection.request("GET", path, max_bytes=MAX_TEXT, **options).body
        return data.decode("utf-8", "replace")

    def import_segments(self, session, job, path):
        """Brings a result into a session; its segments in the order of the file."""
        answer = self.api.post("sessions/%s/segments/import" % _quoted(session), {"job": job, "path": path})
        if not isinstance(answer.get("segments"), list):
            raise BadAnswer("The server's answer has no list of segments.")
        return answer["segments"]

    def take_study(self, series):
        """A scan of the server as a volume; its id."""
        return str(self.api.post("volumes", query={"study": series}).get("id", ""))


def _quoted(text, safe=""):
    return urllib.parse.quote(text, safe=safe)
