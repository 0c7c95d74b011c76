"""The base of every service, without anything specific to e-commerce."""
