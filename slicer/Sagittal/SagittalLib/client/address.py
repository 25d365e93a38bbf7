"""Where a server is, as people type it."""
import base64
import urllib.parse
from dataclasses import dataclass

from .errors import SagittalError

DEFAULT_PORT = 1527


@dataclass(frozen=True)
class Address:
    """Scheme http or https, host, port, a path in front of all requests, and user and password for a proxy."""

    scheme: str
    host: str
    port: int
    prefix: str = ""
    basic: str = ""

    @staticmethod
    def parse(text):
        """`http://host:port/prefix`; a host alone is a server at its usual port. Raises SagittalError."""
        text = text.strip()
        if not text:
            raise SagittalError("Enter the address of a server, such as http://localhost:%d." % DEFAULT_PORT)
        bare = "://" not in text
        try:
            parts = urllib.parse.urlsplit("http://" + text if bare else text)
            port = parts.port
        except ValueError as error:
            raise SagittalError("%s is no address of a server: %s." % (text, error)) from error
        if parts.scheme not in ("http", "https") or not parts.hostname or _has_control(text):
            raise SagittalError("%s is no address of a server, such as http://localhost:%d." % (text, DEFAULT_PORT))
        if port is None:
            port = DEFAULT_PORT if bare else 443 if parts.scheme == "https" else 80
        return Address(parts.scheme, parts.hostname, port, parts.path.rstrip("/"), _basic(parts))

    @property
    def is_secure(self):
        return self.scheme == "https"

    @property
    def is_local(self):
        """Whether it is this computer."""
        return self.host in ("localhost", "127.0.0.1", "::1")

    def __str__(self):
        host = "[%s]" % self.host if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme] == self.port
        return "%s://%s%s%s" % (self.scheme, host, "" if usual else ":%d" % self.port, self.prefix)


def _basic(parts):
    if parts.username is None:
        return ""
    pair = "%s:%s" % (urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))
    return base64.b64encode(pair.encode()).decode()


def _has_control(text):
    return any(ord(c) <= 0x20 or ord(c) == 0x7F for c in text)
