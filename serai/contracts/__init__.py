"""The contracts of the services: wire types, errors, event payloads and typed clients."""
