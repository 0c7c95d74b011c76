"""The registry: which instances there are, where, and which of them may have traffic."""
