"""Networks of other libraries as towers, each file named by its library."""
