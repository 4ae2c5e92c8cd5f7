"""Time and order: from rows that arrive to batches that close and notices that go out."""
