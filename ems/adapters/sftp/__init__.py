"""Files put into a folder of somebody else's over SFTP.

Lives here: one file to one server, with a deadline, and what came of it in words for people.
Never here: what is put there and when, and what is tried again. Who may import it: `assembly`, where a site wants it:
`asyncssh` takes a part of a second to load, and is imported nowhere else.

Decisions: the server must have the key that the site file names; nobody is trusted on first sight, and what the
machine's own settings of ssh say (`~/.ssh`, an agent) counts for nothing. A file is written under another name and then
renamed, so that whoever looks into the folder never takes half of one.
"""
