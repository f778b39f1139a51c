"""Servers: probes and metrics."""
