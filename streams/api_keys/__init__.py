"""API keys of `tidegate serve`: what one is, and the file that holds their hashes."""
