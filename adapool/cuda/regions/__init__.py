"""One value for each region of a label image, on a GPU."""
