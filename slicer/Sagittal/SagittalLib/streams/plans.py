"""Settings of pipelines that do not run yet, as a person wishes them: what a start sends along."""
import json
import re

from ..client.errors import SagittalError

SETTING = re.compile(r"([\w-]+)\.(\w+)=(.*)", re.S)
BETWEEN = re.compile(r"\s+(?=[\w-]+\.\w+=)")
PLANNED = "planned"


class Plans:
    """By pipeline: wishes {operator: {parameter: value}}, and what is known of its operators since its last start."""

    def __init__(self):
        self._wishes = {}
        self._seen = {}

    def wishes(self, pipeline):
        return self._wishes.get(pipeline, {})

    def change(self, pipeline, values):
        """More wishes: {operator: {parameter: value}}."""
        wishes = self._wishes.setdefault(pipeline, {})
        for operator, parameters in values.items():
            wishes.setdefault(operator, {}).update(parameters)

    def text(self, pipeline):
        """The wishes as a person writes them: bone.low=230 bone.name=cortex."""
        return " ".join("%s.%s=%s" % (operator, name, _shown(value))
                        for operator, values in self.wishes(pipeline).items() for name, value in values.items())

    def read(self, pipeline, text):
        """Other wishes, all of them. Raises SagittalError."""
        wishes = {}
        for part in BETWEEN.split(text.strip()) if text.strip() else []:
            setting = SETTING.fullmatch(part)
            if setting is None:
                raise SagittalError("\"%s\" is no setting: write operator.parameter=value, as in bone.low=230." % part)
            operator, name, value = setting.groups()
            wishes.setdefault(operator, {})[name] = _read(value)
        self._wishes[pipeline] = wishes

    def note(self, stream, wishes):
        """A stream that was just started with `wishes`: what else it has is its file's."""
        before = self._values(stream["pipeline"])
        operators = []
        for one in stream["operators"]:
            own = dict(one["parameters"])
            for name in wishes.get(one["name"], {}):
                own.pop(name, None)
                if name in before.get(one["name"], {}):
                    own[name] = before[one["name"]][name]
            operators.append({"name": one["name"], "type": one["type"], "parameters": own})
        self._seen[stream["pipeline"]] = (operators, [{"flow": one["flow"], "dropped": 0} for one in stream["flows"]])

    def stream(self, pipeline):
        """The pipeline as it would start, in the form of a stream; None: it was not started from here yet."""
        if pipeline not in self._seen:
            return None
        operators, flows = self._seen[pipeline]
        wishes = self.wishes(pipeline)
        return {"flows": flows, "operators": [
            {"name": one["name"], "type": one["type"], "state": PLANNED, "runs": 0, "errors": 0, "compute": {},
             "counters": {}, "parameters": dict(one["parameters"], **wishes.get(one["name"], {}))}
            for one in operators]}

    def _values(self, pipeline):
        return {one["name"]: one["parameters"] for one in self._seen.get(pipeline, ((), ()))[0]}


def _read(text):
    """JSON where it is that, else the text itself."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text


def _no_number(word):
    raise ValueError(word)  # NaN and the like are texts here


def _shown(value):
    if isinstance(value, str) and value.isprintable() and value == value.strip() and _read(value) == value \
            and not BETWEEN.search(" " + value):
        return value
    return json.dumps(value, ensure_ascii=False).replace("=", "\\u003d")
