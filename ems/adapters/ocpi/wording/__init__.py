"""What the site is and does, in the objects of OCPI."""
