"""The models that a server offers for prompts, which of them a person chose, and what their licences say."""
import re
from dataclasses import dataclass
from typing import Optional

from .client import Api, SagittalError, check_server

OWN = ""  # the choice of whatever model the server has by itself
MOST_MODELS, LONGEST_TEXT = 100, 100
_KNOWN = {"apache-2.0": "Apache-2.0", "apache license": "Apache-2.0", "mit": "MIT", "mit license": "MIT",
          "bsd-2-clause": "BSD-2-Clause", "bsd 2-clause license": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
          "bsd 3-clause license": "BSD-3-Clause", "cc0-1.0": "CC0-1.0", "gpl-3.0-only": "GPL-3.0-only",
          "gpl-3.0-or-later": "GPL-3.0-or-later"}


@dataclass(frozen=True)
class Licence:
    """`name`: short, "" where the server knows none. `commercial`: None where it is not known. `url`: of its text, or
    ""."""

    name: str
    commercial: Optional[bool]
    url: str


def licence_of(text):
    """The Licence that a server's words name; those that are not known here stay as they are, without a link."""
    lower = " ".join(text.lower().split())
    id_ = _KNOWN.get(lower) or _creative_commons(lower)
    if id_:
        return Licence(id_, "-NC" not in id_, "https://spdx.org/licenses/%s.html" % id_)
    forbids = re.search(r"\bnc\b|non-?\s?commercial|research (use )?only", lower)
    return Licence(text, False if forbids else None, "")


def _creative_commons(lower):
    """CC-BY-NC-SA-4.0, of that or of "Attribution-NonCommercial-ShareAlike 4.0 International"; "": it is none."""
    lower = lower.replace("non-commercial", "noncommercial").replace("share-alike", "sharealike")
    words = set(re.findall(r"[a-z0-9.]+", lower))
    version = next(iter(sorted(words & {"1.0", "2.0", "2.5", "3.0", "4.0"})), "")
    if not version or not ({"cc", "attribution"} & words) or not ({"by", "attribution"} & words):
        return ""
    parts = [("NC", {"nc", "noncommercial"}), ("ND", {"nd", "noderivatives", "noderivs"}), ("SA", {"sa", "sharealike"})]
    return "-".join(["CC-BY"] + [part for part, spelled in parts if spelled & words] + [version])


def read_models(info):
    """({name: licence in the server's words}, name of its own model) of a server's info; what cannot be read is left
    out."""
    listed = info.get("models")
    found = {}
    for one in listed[:MOST_MODELS] if isinstance(listed, list) else []:
        name = one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str) and 0 < len(name) <= LONGEST_TEXT:
            licence = one.get("licence")
            found[name] = licence[:LONGEST_TEXT] if isinstance(licence, str) else ""
    own = info.get("default_model")
    return found, own if isinstance(own, str) and own in found else ""


class ServerModels:
    """Of the server that the settings name. Main thread."""

    def __init__(self, settings, workers, on_change):
        self.settings = settings
        self.workers = workers
        self._on_change = on_change
        self._address, self._found, self._own = None, {}, ""

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
        if not self.is_known:
            return None
        name = self._own if self.chosen == OWN else self.chosen
        return licence_of(self._found[name]) if name in self._found else None
