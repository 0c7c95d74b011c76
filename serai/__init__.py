"""Serai: an e-commerce platform of small services behind one gate."""

__version__ = "0.1.0"
