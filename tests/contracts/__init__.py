"""What order's checkout relies on: each expectation runs against the in-process callee and against the real service."""
