"""Peaks: what is searched, how candidates become peaks, and what a table says of them."""
