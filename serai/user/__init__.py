"""Accounts, sessions and tokens: who somebody is, proven once and then carried by a signed token."""
