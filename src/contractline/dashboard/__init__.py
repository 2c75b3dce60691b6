"""The live page: every dashboard of ``reports/`` in a browser, pushed as the data arrive."""
