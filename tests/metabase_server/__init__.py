"""A server that answers as Metabase's REST API does, for what contractline uses of it.

Metabase itself is a Java program that no package registry carries, so it can't run in the tests.
This server checks every request against the API description that Metabase publishes (``api.yaml``)
and keeps state as Metabase does: ids, entity ids, tabs and cards by negative ids, redacted
passwords, queries in stages. What it can't show is how the real one behaves beyond that.
"""
