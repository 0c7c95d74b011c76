"""What a basket costs. Pure functions, used by the quote and by the order alike."""
