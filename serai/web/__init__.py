"""The client application's files, as the build left them: read once, sent from memory."""
