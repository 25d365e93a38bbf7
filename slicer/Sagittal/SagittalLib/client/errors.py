"""What may go wrong between a module and its server."""


class SagittalError(Exception):
    """Anything to tell a person; its text is a whole sentence."""


class ServerError(SagittalError):
    """The server refused: its own words, its code and its details."""

    def __init__(self, status, code, message, details=None):
        super().__init__(_sentence(message) or "The server answered %d." % status)
        self.status = status
        self.code = code
        self.details = details

    @property
    def superseded(self):
        """Whether a prompt was stopped by a newer one and counts for that."""
        return self.code == "cancelled" and isinstance(self.details, dict) and self.details.get("superseded") is True


class Unreachable(SagittalError):
    """No answer: the server or the network is away. The same request may succeed later."""


class BadAnswer(SagittalError):
    """The answer breaks the rules of the API, or is larger than it may be."""


class Cancelled(SagittalError):
    """Somebody stopped it here."""

    def __init__(self):
        super().__init__("Stopped.")


def _sentence(text):
    """With a capital and a full stop, as a dialog shows it."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
