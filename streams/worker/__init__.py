"""The worker process: wiring, start, batches in, stop."""
