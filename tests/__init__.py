"""The specification as tests; mirrors the rooms of `ems`. `builders` is the language in which scenarios are told."""
