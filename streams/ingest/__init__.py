"""The consumer group's side of a worker: batches of a source topic, takeovers, and batches that cannot be read."""

from tidegate.streams.ingest.ingest import Ingest as Ingest
