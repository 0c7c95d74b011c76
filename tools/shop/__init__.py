"""A running shop for programs and tests, and the clients, admins and browsers that use it."""
