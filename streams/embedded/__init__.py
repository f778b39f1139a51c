"""The embedded stack: `with EmbeddedStack() as stack:` is a broker and a store on loopback, from wheels."""

from tidegate.streams.embedded.server import EmbeddedError, free_port, is_free
from tidegate.streams.embedded.stack import EmbeddedStack

__all__ = ["EmbeddedError", "EmbeddedStack", "free_port", "is_free"]
