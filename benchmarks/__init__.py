"""How fast localdlc is, beside other ways to the same end: ``python -m benchmarks``."""
