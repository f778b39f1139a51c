"""The encoder: a small BERT, trained with one masked head a label. Needs torch (`train` extra)."""
