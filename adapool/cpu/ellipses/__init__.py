"""Ellipses, discs and balls with sizes of their own at each pixel."""
