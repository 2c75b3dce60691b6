"""The reports and contracts for assistants, by the Model Context Protocol. It only reads."""
