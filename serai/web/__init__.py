"""The web service: serves the build of the client application from memory."""
