"""From a completion to a decision: decoded, scored, decided."""
