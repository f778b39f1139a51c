"""Simulation: the decisions and alerts that another policy would have made."""
