"""Pipelines of the server: which there are, one that runs, its settings. Answers come on the main thread."""
import copy
import json
import urllib.parse

from ..client.errors import Cancelled, SagittalError, ServerError, Unreachable
from ..client.events import EventStream
from .plans import PLANNED, Plans

LIVE, AT_START = "while it runs", "at the start"  # a parameter's "settable"
ANY = "*"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
STATES = {"running": "Running", "finished": "Finished", "stopped": "Stopped", "time limit": "Time is over",
          "deadlock": "Deadlock", "failed": "Failed"}


class Pipelines:
    """`on_change()` is called whenever something of it is new; `error` is what went wrong last."""

    def __init__(self, workers, make_api, on_change=None):
        """make_api(): an Api of the server that is set; called on the main thread."""
        self._workers = workers
        self._make_api = make_api
        self._on_change = on_change or (lambda: None)
        self._events = None
        self._before = None
        self.pipelines = []
        self.streams = []
        self.types = {}
        self.plans = Plans()
        self.stream = None
        self.answer = ("", "")  # operator, what it answered to the last command
        self.rates = {}
        self.error = None
        self.is_busy = False
        self.is_gone = False  # the server does not know the stream any more: it was started anew

    # ---- what there is

    def refresh(self):
        """Asks for the pipelines, the caller's streams, and the types of operators."""
        def ask(stop, api):
            listed = api.get("streams", stop=stop)
            described = [] if self.types else _list(api.get("streams/operators", stop=stop), "operators")
            types = self.types or {one["name"]: one for one in _named(described, "name")}
            return _named(_list(listed, "pipelines"), "name"), _named(_list(listed, "streams"), "id"), types

        def came(found):
            self.pipelines, self.streams, self.types = found

        self._run(ask, came)

    # ---- one that runs

    def use_other_server(self):
        """Asks the server that is set now; what was known of the other's pipelines is forgotten."""
        self.types, self.plans, self.pipelines = {}, Plans(), []
        self.refresh()

    def start(self, name, parameters=None):
        """Starts a pipeline by name and follows it; without parameters, those that its plan has."""
        parameters = self.plans.wishes(name) if parameters is None else parameters
        wish = {"pipeline": name, "parameters": copy.deepcopy(parameters)}
        self._run(lambda stop, api: api.post("streams", wish, stop=stop), self._started)

    def follow(self, stream):
        """Follows one that runs already."""
        self._run(lambda stop, api: api.get(_path(stream), stop=stop), self._started)

    def stop(self):
        """Ends the one that is followed, and forgets it."""
        if self.stream is None:
            return
        path = _path(self.stream["id"])
        was_gone, self.is_gone = self.is_gone, False
        self._close_events()
        self.stream = None
        if was_gone:
            self.refresh()
            return
        self._run(lambda stop, api: api.delete(path, stop=stop), lambda nothing: self.refresh())

    def set_parameters(self, parameters):
        """{operator: {name: value}}, all or none."""
        if self.stream is not None:
            path = _path(self.stream["id"]) + "/parameters"
            self._run(lambda stop, api: api.patch(path, parameters, stop=stop), self._state)

    def enable(self, operator, enabled):
        """Switches an operator on or off: a recorder begins and ends so."""
        self.set_parameters({operator: {"enabled": enabled}})

    def command(self, operator, name, arguments=""):
        """Asks an operator for what only it can do; arguments: JSON, or nothing. See `answer`."""
        if self.stream is None:
            return
        self.answer = ("", "")
        try:
            wish = {"operator": operator, "name": name, "arguments": json.loads(arguments) if arguments.strip() else {}}
        except ValueError:
            self.error = SagittalError("What %s takes is no JSON: write {\"name\": \"value\"}." % name)
            self._on_change()
            return

        def answered(answer):
            self.answer = (operator, json.dumps(answer.get("answer"), ensure_ascii=False))

        path = _path(self.stream["id"]) + "/commands"
        self._run(lambda stop, api: api.post(path, wish, stop=stop), answered)

    def close(self):
        """Follows nothing any more; what runs on the server goes on."""
        self._close_events()
        self._on_change = lambda: None

    # ---- what a person is shown

    def rows(self, planned=None):
        """Of each operator what a table shows of it, sources first; of a plan where nothing is followed."""
        stream = self.stream or planned
        if stream is None:
            return []
        depth = _depths(stream)
        return [Row(operator, stream, self.rates.get(operator["name"], 0.0))
                for operator in sorted(stream["operators"], key=lambda one: depth.get(one["name"], 0))]

    def addresses(self):
        """(host, port, listens) of each place where a peer can speak OpenIGTLink with the stream; first the best."""
        if self.stream is None:
            return []
        found = []
        for operator in self.stream["operators"]:
            place = _address(operator, self._make_api().connection.address.host)
            if place is not None and place not in found:
                found.append(place)
        return found

    def label_devices(self):
        """Names of the images that hold labels, as far as the pipeline says."""
        operators = self.stream["operators"] if self.stream is not None else []
        return {operator["parameters"].get("device") for operator in operators
                if operator["type"] in ("segmentation", "largest_component")} - {"", None}

    def plan(self, name):
        """A pipeline as it would start, in the form of a stream; None: nobody knows. Raises SagittalError."""
        described = next((one for one in self.pipelines if one["name"] == name), None)
        return self.plans.stream(described) if described is not None else None

    def parameters_of(self, operator):
        """The Fields of an operator: those that a person may change now, and of others those that are not as always."""
        open_now = (LIVE, AT_START) if operator["state"] == PLANNED else (LIVE,)
        known = _named(self._described(operator, "parameters"), "name")
        try:
            fields = [Field(operator["name"], one, operator["parameters"][one["name"]], one.get("settable") in open_now)
                      for one in known if one["name"] in operator["parameters"]]
        except (TypeError, ValueError) as error:
            raise SagittalError("The server's description of %s cannot be read." % operator["type"]) from error
        return [field for field in fields if field.is_open or field.is_own]

    def commands_of(self, operator):
        """[(name, description)] of what only this operator can do; the name ANY: whatever a person writes."""
        return [(one["name"], str(one.get("description", "")))
                for one in _named(self._described(operator, "commands"), "name")]

    def sentence_of(self, operator):
        """What operators of its type do."""
        return str(self.types.get(operator["type"], {}).get("description", ""))

    def _described(self, operator, part):
        found = self.types.get(operator["type"], {}).get(part, [])
        return found if isinstance(found, list) else []

    # ---- inside

    def _started(self, stream):
        self._close_events()
        self._before, self.is_gone, self.answer = None, False, ("", "")
        self._state(stream)
        connection = self._make_api().connection
        self._events = EventStream(connection, _path(stream["id"]) + "/events",
                                   lambda event: self._workers.deliver(self._event, stream["id"], event),
                                   lambda error: self._workers.deliver(self._lost, stream["id"], error))

    def _event(self, stream, event):
        if self.stream is None or self.stream["id"] != stream:
            return
        if event.get("type") == "closed":
            self._close_events()
        else:
            try:
                self._state(event)
            except SagittalError as error:
                self.error = error
        self._on_change()

    def _lost(self, stream, error):
        if self.stream is None or self.stream["id"] != stream:
            return
        if error is not None or isinstance(self.error, Unreachable):
            self.error = error
        self.is_gone = isinstance(error, ServerError) and error.status == 404
        self._on_change()

    def _state(self, stream):
        stream = checked(stream)
        runs = {operator["name"]: operator["runs"] for operator in stream["operators"]}
        if self._before is not None and stream["elapsed_s"] > self._before[0] + 0.2:
            passed = stream["elapsed_s"] - self._before[0]
            self.rates = {name: max(0, runs[name] - self._before[1].get(name, 0)) / passed for name in runs}
            self._before = (stream["elapsed_s"], runs)
        elif self._before is None:
            self.rates, self._before = {}, (stream["elapsed_s"], runs)
        self.stream = stream

    def _close_events(self):
        if self._events is not None:
            self._events.close()
            self._events = None

    def _run(self, call, done):
        def finished(result):
            self.error, self.is_busy = None, False
            done(result)
            self._on_change()

        def failed(error):
            if not isinstance(error, Cancelled):
                self.error = error
            self.is_busy = False
            self._on_change()

        def work(stop):
            return call(stop, api)

        try:
            api = self._make_api()
        except SagittalError as error:
            failed(error)
            return
        self.is_busy = True
        self._on_change()
        self._workers.run(work, finished, failed, lane="streams")


class Row:
    """What a table shows of an operator."""

    def __init__(self, operator, stream, rate):
        self.name = operator["name"]
        self.type = operator["type"]
        self.state = operator["state"]
        self.runs = operator["runs"]
        self.rate = rate
        self.p50_ms, self.p99_ms = (_ms(operator["compute"].get(name)) for name in ("p50_ms", "p99_ms"))
        self.dropped = sum(flow["dropped"] for flow in stream["flows"] if _receiver(flow["flow"]) == self.name)
        self.errors = operator["errors"]
        self.last_error = operator.get("last_error") or ""

    @property
    def is_on(self):
        return self.state != "off"

    @property
    def is_planned(self):
        return self.state == PLANNED


FORMS = {"true or false": "bool", "whole number": "int", "number": "float", "text": "text"}


class Field:
    """One parameter as a form shows it: its `kind` is bool, choice, int, float, text or json."""

    def __init__(self, operator, described, value, is_open):
        """is_open: whether a person may change it now."""
        self.operator = operator
        self.name = described["name"]
        self.value = value
        self.is_open = is_open
        self.is_own = value != described.get("default")
        self.settable = str(described.get("settable", ""))
        self.description = str(described.get("description", ""))
        self.unit = str(described.get("unit") or "")
        self.choices = list(described.get("choices") or [])
        self.least, self.most = described.get("limits") or (None, None)
        self.kind = "choice" if self.choices else FORMS.get(described.get("type"), "json")

    def tip(self):
        """What it is, and where it may be set."""
        text = "%s: %s" % (self.name, self.description) if self.description else self.name
        return text if self.is_open else "%s\nSet %s." % (text, self.settable)

    def shown(self):
        """The value as a line of text."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)

    def read(self, text):
        """The value that a person wrote. Raises SagittalError."""
        if self.kind in ("text", "choice"):
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            raise SagittalError("%s of %s cannot be read as JSON: write [1, 2] or \"a text\"."
                                % (self.name, self.operator)) from error


def checked(stream):
    """A stream whose parts can be relied on. Raises SagittalError."""
    try:
        stream["id"] + stream["state"] + stream["pipeline"]
        float(stream["elapsed_s"])
        for operator in stream["operators"]:
            operator["name"] + operator["type"] + operator["state"]
            int(operator["runs"]), int(operator["errors"]), dict(operator["compute"])
            dict(operator["parameters"]), dict(operator["counters"])
        for flow in stream["flows"]:
            flow["flow"] + ""
            int(flow["dropped"])
    except (KeyError, TypeError, ValueError) as error:
        raise SagittalError("The server's description of a stream cannot be read.") from error
    return stream


def time_text(milliseconds):
    """\"4.1 ms\", \"38 µs\"."""
    if milliseconds >= 1:
        return ("%.0f ms" if milliseconds >= 100 else "%.1f ms") % milliseconds
    return "%.0f µs" % (1000 * milliseconds)


def _address(operator, server_host):
    parameters, port = operator["parameters"], operator["counters"].get("port")
    if not operator["type"].startswith("igtl_") or not isinstance(port, int) or not 0 < port < 65536:
        return None
    if parameters.get("role") == "server":
        host = parameters.get("host") or "127.0.0.1"
        return (server_host if host in ("0.0.0.0", "::") or host in LOOPBACK else host, port, False)
    return None


def is_out_of_reach(stream, port, server_host):
    """Whether a stream's port is open on the server's own machine only, and that is another one."""
    hosts = [operator["parameters"].get("host") or "127.0.0.1" for operator in stream["operators"]
             if operator["counters"].get("port") == port]
    return bool(hosts) and hosts[0] in LOOPBACK and server_host not in LOOPBACK


def _receiver(flow):
    return flow.split(" -> ")[-1].split(".")[0]


def _depths(stream):
    """{operator: how many flows lie before it at most}; cycles end after as many rounds as there are operators."""
    pairs = [(flow["flow"].split(".")[0], _receiver(flow["flow"])) for flow in stream["flows"]]
    depth = {}
    for _ in stream["operators"]:
        for sender, receiver in pairs:
            depth[receiver] = min(max(depth.get(receiver, 0), depth.get(sender, 0) + 1), len(stream["operators"]))
    return depth


def _ms(value):
    return float(value) if isinstance(value, (int, float)) else 0.0


def _path(stream):
    return "streams/" + urllib.parse.quote(stream, safe="")


def _list(answer, name):
    value = answer.get(name)
    if not isinstance(value, list):
        raise SagittalError("The server's answer has no list of %s." % name)
    return value


def _named(entries, name):
    """Those that are objects with a name; what else a list holds is left out."""
    return [one for one in entries if isinstance(one, dict) and isinstance(one.get(name), str)]
