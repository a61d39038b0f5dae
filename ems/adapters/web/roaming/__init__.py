"""Where roaming partners ask, and the page of those who look after them."""
