"""The HTTP side of a service: admission control, authorisation, strict bodies, pagination, OpenAPI."""
