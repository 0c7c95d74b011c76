"""Draws the pictures of the demo shop: `python -m scripts.pictures` writes them into the package that serves them."""
