"""From a completion to a decision: decode, score, decide."""
