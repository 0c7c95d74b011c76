"""Serai: an e-commerce platform of small services behind one gateway."""

__version__ = "0.1.0"
