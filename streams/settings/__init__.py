"""The settings of a process, from its environment, and the credentials in them."""
