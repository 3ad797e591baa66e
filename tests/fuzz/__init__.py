"""Hostile arguments for every public function; see `__main__`."""
