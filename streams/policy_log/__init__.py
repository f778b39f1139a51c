"""The policies topic: read, followed and appended to."""
