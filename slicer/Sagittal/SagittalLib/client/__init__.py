"""A client of /api/v1 that needs nothing but Python's standard library."""
from .address import Address
from .api import Api, check_server
from .connection import Connection, Response
from .errors import BadAnswer, Cancelled, SagittalError, ServerError, Unreachable
from .events import EventStream
from .stop import Stop

__all__ = ["Address", "Api", "BadAnswer", "Cancelled", "Connection", "EventStream", "Response", "SagittalError",
           "ServerError", "Stop", "Unreachable", "check_server"]
