"""A screen for everybody in the car park."""
