"""Windows of a size of their own at each pixel."""
