"""The demo: an embedded stack, one ordinary worker, a minute of made-up traffic, and an account at the end.

`traffic.py` makes what is sent, `dashboard.py` is all that is known of what came out, `view.py` says how that looks,
`account.py` whether it closes, `run.py` does it. Nothing in the worker knows that this is a demo.
"""
