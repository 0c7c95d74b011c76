"""Pictures: what is uploaded, the files made from it, where they are stored and when they are deleted."""
