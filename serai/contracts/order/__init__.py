"""What the order service says: orders, quotes, shipments, its events, and the client that reads an order."""
