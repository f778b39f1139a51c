"""Reads, follows and appends to the `policies` topic; and reads policy.toml."""
