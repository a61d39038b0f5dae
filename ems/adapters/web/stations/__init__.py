"""Remote control of stations: their pages, and what can be asked of them."""
