"""Sites that strides lead to."""
