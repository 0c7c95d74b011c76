"""The HTTP side of a service: admission, authorisation of a request, strict bodies, pages, OpenAPI."""
