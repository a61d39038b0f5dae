"""What leads a driver to an EVSE, and what the driver wants of it."""
