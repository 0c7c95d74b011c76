"""How fast the shop is compared with the limits of the machine: `make bench` (docs/benchmarks.md)."""
