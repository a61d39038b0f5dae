"""Where stations put files over FTP (RFC 959, RFC 2428), because old ones speak nothing else.

Lives here: as much of an FTP server as putting one file takes.
Never here: what becomes of a file; that is the upload box's. Who may import it: `assembly`.

Decisions. FTP shows passwords to the network, so a login is good for one file and two hours, and for nothing but
putting that file: there is no folder to look into and nothing to fetch. It listens only while a file is waited for.
No library: those at hand serve whole file systems, and leave sockets open when a client goes without a word.
"""
