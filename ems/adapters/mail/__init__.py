"""Mail out of the site, over SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314).

Lives here: one mail to one server, with a deadline, and the server's answer in words for people.
Never here: when something is sent, to whom, and what is tried again; that belongs to whoever sends.
Who may import it: `assembly`. `aiosmtplib` is imported nowhere else: the standard library's client would hold a thread
for as long as a server likes to answer one byte at a time.

Decisions: the server's certificate is checked always; a server that stops offering STARTTLS gets neither the password
nor the mail. Subjects and names are put on one line, so nobody can add headers through a vehicle's name.
"""
