"""What another policy would have done, and which alerts it would have made."""
