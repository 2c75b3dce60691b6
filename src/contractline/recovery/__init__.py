"""Loading messages into tables again: those that could not be read, and whole topics."""
