"""Orders: rows, lists, history, statistics by day."""
