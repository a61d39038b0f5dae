"""Site energy controller. The map of the rooms is in README.md, section "The house"."""
