"""Avro schemas: parsing, canonical form and meaning."""
