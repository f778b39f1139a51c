"""The demo: an embedded stack, one ordinary worker, a minute of made-up traffic, and an account at the end.

`traffic.py` makes the events, `dashboard.py` reads the output topics, `view.py` renders them, `account.py` reconciles
sent and decided, `run.py` runs it. Nothing in the worker knows that this is a demo.
"""
