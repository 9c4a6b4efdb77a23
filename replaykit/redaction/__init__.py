"""Taking out of recordings and texts what must not be read by others."""
