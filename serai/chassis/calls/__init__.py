"""Service discovery and calls to other services: the registry client, load balancing, outlier detection."""
