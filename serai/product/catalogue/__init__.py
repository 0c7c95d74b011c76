"""Products and their variants: creating, changing and archiving them."""
