"""Pipelines that do not run yet, with the settings that a person wishes them to start with."""
from ..client.errors import SagittalError

PLANNED = "planned"


class Plans:
    """By pipeline: wishes {operator: {parameter: value}}, which a start sends along."""

    def __init__(self):
        self._wishes = {}

    def wishes(self, pipeline):
        return self._wishes.get(pipeline, {})

    def change(self, pipeline, values):
        """More wishes: {operator: {parameter: value}}."""
        wishes = self._wishes.setdefault(pipeline, {})
        for operator, parameters in values.items():
            wishes.setdefault(operator, {}).update(parameters)

    def forget(self, pipeline):
        """The pipeline starts as its file has it."""
        self._wishes.pop(pipeline, None)

    def stream(self, described):
        """A pipeline as the server describes it, with its wishes, in the form of a stream; None: it is not described.
        Raises SagittalError."""
        try:
            operators = [_planned(one) for one in described.get("operators", [])]
            flows = [{"flow": flow + "", "dropped": 0} for flow in described.get("flows", [])]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SagittalError("The server's description of a pipeline cannot be read.") from error
        for one in operators:
            one["parameters"].update(self.wishes(described["name"]).get(one["name"], {}))
        return {"operators": operators, "flows": flows} if operators else None


def _planned(operator):
    return {"name": operator["name"] + "", "type": operator["type"] + "", "state": PLANNED, "runs": 0, "errors": 0,
            "compute": {}, "counters": {},
            "parameters": {one["name"]: one["value"] for one in operator["parameters"]}}
