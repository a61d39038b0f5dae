"""One folder per foreign thing, each a vertical slice: what arrives becomes an event, what is decided leaves here.

Lives here: everything that knows a protocol, a file format or a third-party package.
Never here: what to do with a value once it is read; that is `domain` and `control`. No folder imports another.
Who may import it: `ems.assembly` alone, which picks the folders that a site asks for.
"""
