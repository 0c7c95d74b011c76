"""A whole shop that a program or a test starts, and the customers, admins and browsers that use it over HTTP."""
