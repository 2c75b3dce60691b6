"""Where commits come from; one module a source."""
