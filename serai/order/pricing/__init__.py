"""What a basket costs: pure functions, used by quotes and orders."""
