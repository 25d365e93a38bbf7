"""What a person has set, kept in the system's settings for the next start."""
from .client import Connection

PREFIX = "Sagittal/"
DEFAULTS = {
    "server": "http://localhost:1527",
    "show_results": True,
    "key": "",
    "ca_file": "",
    "program": "",
    "send_early": True,
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


class MemoryStore(dict):
    """Settings that end with the program."""

    def value(self, name):
        return self.get(name)

    def setValue(self, name, value):
        self[name] = value

    def remove(self, name):
        self.pop(name, None)
