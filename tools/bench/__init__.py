"""How fast the shop is, and how far from what the machine can do: `make bench` (docs/benchmarks.md)."""
