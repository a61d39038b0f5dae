"""Who may do what: tags and people at the EVSEs, users and tokens at the page; reservations and the waitlist."""
