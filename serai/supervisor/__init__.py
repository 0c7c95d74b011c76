"""`serai up`: runs the whole shop on one machine, each service in its own process, without installation or
configuration."""
