"""Programs around the shop: benchmarks, restarts under load, screenshots. They are not part of the package."""
