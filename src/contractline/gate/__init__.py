"""The gate: a change of a contract is held against the rules, and tried on the real engine."""
