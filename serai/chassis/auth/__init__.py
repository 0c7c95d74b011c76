"""Who calls a service, and what they may do: principals, the tokens that prove them, and the origins of browsers."""
