"""The shop's values and the arithmetic on them. Pure: no I/O, no clock; contracts and domains import it."""
