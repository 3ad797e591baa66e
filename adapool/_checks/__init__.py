"""Checks of arguments, and their messages: argument, constraint, value and, if any, the fix."""
