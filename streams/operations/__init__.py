"""What a person does to Tidegate."""
