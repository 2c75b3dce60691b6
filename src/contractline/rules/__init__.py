"""The rules that contracts keep. Pure: a rule is an id, a docstring (its page) and a handler.

To add a rule: a handler in the module that it fits, its line in :mod:`contractline.rules.registry`,
and a case file in tests/cases/contracts.
"""
