"""Users of the page, their logins and tokens, and how somebody comes in."""
