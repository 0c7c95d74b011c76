"""Draws the pictures of the demo shop: `python -m tools.pictures` writes them into the package that serves them."""
