"""Failures of real frameworks: how each is brought about, and what it said (``messages/``)."""
