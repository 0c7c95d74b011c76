"""The shop's values and the arithmetic on them: no I/O, no clock. Contracts and domains import it."""
