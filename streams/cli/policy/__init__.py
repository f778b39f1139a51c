"""`policy`: the live policy shown, changed, tried and taken back. `app.py` lists its commands."""
