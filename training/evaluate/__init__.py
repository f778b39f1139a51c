"""Evaluation: held-out text in, the model card out. `python -m training.evaluate --data DIR`.

The same texts, models and options give the same files byte for byte; no clock, no network. Labelled text stays where it
is: only figures are written. Needs the `train` extra; `account.py` is the order of events.
"""
