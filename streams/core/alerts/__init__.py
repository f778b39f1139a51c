"""Alerts: their life cycle and their stored status."""
