"""Policies: model, resolution, the log's fold, what changes between two."""
