"""What a person has set, kept in the system's settings for the next start."""
import json

from .client import Connection, SagittalError
from .client.address import Address

PREFIX = "Sagittal/"
DEFAULTS = {
    "server": "http://localhost:1527",
    "show_results": True,
    "key": "",
    "ca_file": "",
    "program": "",
    "send_early": True,
    "auto_zoom": True,
    "models": "{}",
}


class Settings:
    """Values by name over a QSettings, or whatever has its value(), setValue() and remove()."""

    def __init__(self, store):
        self._store = store

    def get(self, name):
        """Of the type that its default has; what cannot be read as that is the default."""
        default = DEFAULTS[name]
        value = self._store.value(PREFIX + name)
        if value is None:
            return default
        if isinstance(default, bool):
            return value if isinstance(value, bool) else str(value).lower() in ("true", "1")
        return str(value)

    def set(self, name, value):
        """Raises KeyError for a name that there is not."""
        if value == DEFAULTS[name]:
            self._store.remove(PREFIX + name)
        else:
            self._store.setValue(PREFIX + name, value)

    def connection(self):
        """A Connection to the server that is set. Raises SagittalError where the address or key is none."""
        return Connection(self.get("server"), self.get("key"), self.get("ca_file"))

    def address(self):
        """The server's in full; "" where what is set is none."""
        try:
            return str(Address.parse(self.get("server")))
        except SagittalError:
            return ""

    def model(self, address):
        """The model that was chosen for the server of that address; "": the server's own."""
        name = self._models().get(address, "")
        return name if isinstance(name, str) else ""

    def set_model(self, name):
        """For the server that is set; other servers keep theirs."""
        models = dict(self._models(), **{self.address(): name})
        self.set("models", json.dumps({server: model for server, model in models.items() if model}))

    def _models(self):
        try:
            models = json.loads(self.get("models"))
        except ValueError:
            return {}
        return models if isinstance(models, dict) else {}


class MemoryStore(dict):
    """Settings that end with the program."""

    def value(self, name):
        return self.get(name)

    def setValue(self, name, value):
        self[name] = value

    def remove(self, name):
        self.pop(name, None)
