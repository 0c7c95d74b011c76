"""Orders as they are kept and shown: rows, lists, history, figures by day."""
