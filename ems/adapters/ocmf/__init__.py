"""Signed meter values in the Open Charge Metering Format (OCMF), read and checked.

Lives here: how stations wrap a signed record into a sampled value, the record itself, public keys in their forms, and
the check of a signature.
Never here: keeping values or keys, a verdict that is remembered.
Who may import it: `ems.assembly`.

Decisions, and why:

- *Only what was checked is called verified.* What cannot be read, or is signed in a way that nobody here can check, has
  a verdict of its own; a missing curve is no bad signature.
- *The signed text is the text between the first and the last bar*, byte for byte: JSON that is read and written again
  is another text.
- *A check here is for people who want to know.* In law only certified transparency software and the certified parts of
  the meter count; the record and its key can be downloaded for it.

cryptography is imported nowhere else.
"""
