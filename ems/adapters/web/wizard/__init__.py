"""The installer's wizard: the site file as forms, meters and stations put to the test, and the switch to armed."""
