"""The catalog: every stream on one page, for people who look for data."""
