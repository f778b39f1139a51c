"""Alerts: what they say, their life cycle and their stored status."""
