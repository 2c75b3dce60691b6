"""The questions and dashboards of ``reports/`` in Metabase, by its REST API.

The free edition has no serialization, so everything is read, compared and written object by object.
"""
