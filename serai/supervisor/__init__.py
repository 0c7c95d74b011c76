"""`serai up`: the whole shop on one machine, every part its own process, nothing to install or configure first."""
