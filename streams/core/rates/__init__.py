"""Counts, windows, and the rates over them."""
