"""Programs around the shop: benchmarks, restarts under load, mutation tests, screenshots. They are not part of the
package."""
