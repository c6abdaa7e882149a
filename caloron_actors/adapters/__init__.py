"""The ports made real: each folder implements ports with one technology, and no folder knows another."""
