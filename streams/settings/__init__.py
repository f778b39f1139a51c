"""What a process is told by its environment, and how it proves who it is."""
