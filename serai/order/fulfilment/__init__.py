"""Shipping and delivery of paid orders."""
