"""How a process finds other services and calls them: the registry client, load balancing, outlier detection."""
