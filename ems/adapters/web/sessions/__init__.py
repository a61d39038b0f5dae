"""The list of sessions, each session with its signed values, corrections, energy by interval, and files of all that."""
