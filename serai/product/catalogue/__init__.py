"""Products and their variants, as admins write them."""
