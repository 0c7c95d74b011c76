"""A service's own database: connections, batched statements, the event feed, idempotency keys."""
