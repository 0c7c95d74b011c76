"""Cart, product and payment in this process: what order's checkout calls, kept in dictionaries.

They give the same answers and refusals as the real services, which `tests/contracts` checks of both. They read no
clock and never sleep, so a test decides when anything happens and how it fails (`faults`).
"""
