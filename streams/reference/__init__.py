"""Documents made from the code: schemas and tables."""
