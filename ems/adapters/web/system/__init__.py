"""The machine, every part of the controller, backups, and help from afar."""
