"""Mail: what has happened in the shop, told to the people it concerns."""
