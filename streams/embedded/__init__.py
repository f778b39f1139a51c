"""The embedded pair: `with Embedded() as pair:` is a broker and a store on loopback, from wheels."""

from tidegate.streams.embedded.pair import Embedded
from tidegate.streams.embedded.server import EmbeddedError, free_port

__all__ = ["Embedded", "EmbeddedError", "free_port"]
