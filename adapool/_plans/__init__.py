"""Plans: a method, its arguments checked, that says what is read, what comes out and how."""
