"""Offers: the name, price and availability of variants, for the cart and order services."""
