"""What the rooms ask of each other: Protocols, and the records that pass through them."""
