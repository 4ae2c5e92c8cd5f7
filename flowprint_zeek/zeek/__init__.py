"""Zeek's files: the only place that knows how logs are written, named and rotated."""
