"""Objects: trees of level sets, and what is measured on them."""
