"""What things are: the records of the domain, and what every event changes."""
