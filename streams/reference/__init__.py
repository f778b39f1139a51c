"""Documents generated from the code: schemas and tables."""
