"""HTTP requests of other moderation APIs, and our own: JSON values in, completions out; verdicts in, JSON values out.

One module an API. Each has `parse`, `answer`, `error` and `SCHEMAS` (its components of an OpenAPI document).
Pure: no server, no clock, no key. The server adds ids, keys and limits.
"""
