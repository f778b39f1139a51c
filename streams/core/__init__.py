"""Contracts, policies, rates, alerts, strikes and simulation. Pure: no clock, no I/O."""
