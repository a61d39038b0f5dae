"""What is kept to be looked back at and handed out: sessions and their corrections, signed values, tables."""
