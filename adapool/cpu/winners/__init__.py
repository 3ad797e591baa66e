"""Gradients of maxima, which go to the winners."""
