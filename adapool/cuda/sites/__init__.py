"""What sites offer beside their values."""
