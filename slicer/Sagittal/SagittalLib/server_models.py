"""The models that a server offers for prompts, which of them a person chose, and what their licences say."""
from dataclasses import dataclass
from typing import Dict, Optional

from .client import Api, SagittalError, check_server

OWN = ""  # the choice of whatever model the server has by itself
MOST_MODELS, LONGEST_TEXT = 100, 100


@dataclass(frozen=True)
class Licence:
    """`name`: short, "" where the server knows none. `commercial`: None where it is not known. `url`: of its text, or
    ""."""

    name: str
    commercial: Optional[bool]
    url: str


@dataclass(frozen=True)
class Model:
    """`takes`: kinds of prompts by the names of the API; what is not told is taken."""

    licence: Licence
    takes: Dict[str, bool]


def read_models(info):
    """({name: Model}, name of its own model) of a server's info; what cannot be read is left out."""
    listed = info.get("models")
    found = {}
    for one in listed[:MOST_MODELS] if isinstance(listed, list) else []:
        name = one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str) and 0 < len(name) <= LONGEST_TEXT:
            takes = one.get("capabilities")
            found[name] = Model(_licence(one), takes if isinstance(takes, dict) else {})
    own = info.get("default_model")
    return found, own if isinstance(own, str) and own in found else ""


def advice_of(info):
    """A sentence about a server that computes on a CPU, else "". Its description of the engine is shown as it is."""
    if info.get("device") != "cpu":
        return ""
    engine = info.get("precision")
    engine = " (%s)" % engine[:LONGEST_TEXT] if isinstance(engine, str) and engine else ""
    return "This server computes without a graphics card%s. Small models answer in about a second; large ones take " \
           "longer, and show a coarse mask where they can. Esc stops." % engine


def _licence(model):
    known, words, commercial = (model.get(name) for name in ("licence_id", "licence", "commercial_use"))
    is_known = isinstance(known, str) and 0 < len(known) <= LONGEST_TEXT
    name = known if is_known else words[:LONGEST_TEXT] if isinstance(words, str) else ""
    url = "https://spdx.org/licenses/%s.html" % known if is_known and not known.startswith("LicenseRef") else ""
    return Licence(name, commercial if isinstance(commercial, bool) else None, url)


class ServerModels:
    """Of the server that the settings name. Main thread."""

    def __init__(self, settings, workers, on_change):
        self.settings = settings
        self.workers = workers
        self._on_change = on_change
        self._address, self._found, self._own, self._advice = None, {}, "", ""

    def ask(self):
        """Asks the server, if it has not told already; where it does not answer, nothing is known of it."""
        try:
            api = Api(self.settings.connection())
        except SagittalError:
            return
        if not self.is_known:
            self.workers.run(lambda stop: check_server(api, stop), lambda info: self.take(api, info),
                             lambda error: None)

    def take(self, api, info):
        """What a server said of itself."""
        address = str(api.connection.address)
        if address == self.settings.address():
            self._address, (self._found, self._own) = address, read_models(info)
            self._advice = advice_of(info)
            self._on_change()

    @property
    def is_known(self):
        """Whether the server that is set has answered."""
        return self._address is not None and self._address == self.settings.address()

    @property
    def chosen(self):
        """The name of a model, or OWN."""
        return self.settings.model(self.settings.address())

    def entries(self):
        """[(text, choice)], the server's own first; a choice that the server does not have stays in the list."""
        found, own = (self._found, self._own) if self.is_known else ({}, "")
        entries = [("The server's own (%s)" % own if own else "The server's own", OWN)]
        entries += [(name, name) for name in found]
        if self.chosen != OWN and self.chosen not in found:
            entries.append(("%s (not on this server)" % self.chosen if self.is_known else self.chosen, self.chosen))
        return entries

    def licence(self):
        """The Licence of the model that is chosen; None: not known, for the server has not told."""
        model = self._model()
        return model.licence if model is not None else None

    def advice(self):
        """What to expect of the machine that the server runs on; "": nothing that has to be said."""
        return self._advice if self.is_known else ""

    def takes(self, tool):
        """Whether the model that is chosen takes a point, box, scribble or lasso; True as long as that is not known."""
        model = self._model()
        kinds = ("box2d", "box3d") if tool == "box" else (tool,)
        return model is None or any(model.takes.get(kind) is not False for kind in kinds)

    def _model(self):
        """What the server told of the model that is chosen, or None."""
        return self._found.get(self._own if self.chosen == OWN else self.chosen) if self.is_known else None
