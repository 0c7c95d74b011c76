"""Offers: what a variant is sold as, read from the catalogue's rows for carts and orders."""
