"""One service process: what it is assembled from and how it starts, registers, drains and stops."""
