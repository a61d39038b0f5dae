"""What energy costs the site: what is known of it, and what is pushed."""
