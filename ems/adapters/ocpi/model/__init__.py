"""The objects of OCPI 2.2.1, one file per module of the specification."""
