"""Windows of one size."""
