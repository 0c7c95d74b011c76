"""The service registry: which instances exist, their addresses, and whether they may get traffic."""
