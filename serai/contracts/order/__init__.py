"""Wire types of the order service, its events and its client, one module for each noun."""
