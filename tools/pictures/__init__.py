"""Draws the pictures of the demo products: `python -m tools.pictures` writes them into the package that serves them."""
