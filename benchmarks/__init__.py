"""Measurements on the real stack, each beside its alternatives in one run."""
