"""The process: everything wired, started, fed and stopped."""
