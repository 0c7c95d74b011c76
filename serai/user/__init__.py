"""The user service: accounts, sessions, access tokens and emailed links."""
