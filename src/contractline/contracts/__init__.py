"""Contracts: one folder a stream, with its meaning, its owner, its promises and its schemas."""
