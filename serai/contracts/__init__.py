"""What services say to each other and to the world: wire structs, refusals, event payloads and typed clients."""
