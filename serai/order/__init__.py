"""Orders, and the saga that takes one from a cart to a paid, confirmed purchase."""
