"""Local maxima."""
