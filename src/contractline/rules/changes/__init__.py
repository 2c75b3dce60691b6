"""Rules about how a released contract may change.

They compare the contract at the base with the one in the checkout. A contract that was never
released promised nothing yet, so nothing here speaks of it.
"""
