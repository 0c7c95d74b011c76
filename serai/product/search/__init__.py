"""What answers lists and details of products fast: statements, and a cache of answers."""
