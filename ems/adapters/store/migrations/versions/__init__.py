"""One file per revision; see the folder above."""
