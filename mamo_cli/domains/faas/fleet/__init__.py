"""Many nodes that may forward requests to their neighbours, and hear of them by messages that can be lost."""
