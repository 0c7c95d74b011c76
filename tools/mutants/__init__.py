"""Mutation testing: change one thing in a module that matters, and see whether a fast test notices.

mutmut makes the mutants. Each worker (`worker.py`) is one pytest session that stays: modules, the PostgreSQL server and
session fixtures are set up once, then mutant after mutant is switched on and the tests that run its function are run
until one fails. What no test notices must be listed, with a reason, in `survivors.txt`.
"""
