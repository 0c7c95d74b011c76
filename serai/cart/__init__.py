"""Carts of guests and customers: what somebody means to buy. Names, prices and stock are always asked for afresh."""
