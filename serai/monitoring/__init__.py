"""The monitoring service: the state of all services, for administrators."""
