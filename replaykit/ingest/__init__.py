"""One reader per shape of source: rows of events, or events of recordings."""
