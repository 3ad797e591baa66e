"""How good adaptive windows are on annotated images: ``python -m tests.quality FOLDER``."""
