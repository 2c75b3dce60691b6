"""GitHub's API on this machine, for tests and for demonstrations without a network.

GraphQL is executed by graphql-core over GitHub's published schema; every answer of REST is checked
against GitHub's published OpenAPI description. ``python -m tests.github_server --help``.
"""
