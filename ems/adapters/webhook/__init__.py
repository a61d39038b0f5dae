"""What has happened, told to the systems of others by HTTP POST, signed as the Standard Webhooks specification says.

Lives here: the signature, one request with its deadline, and the answer in words for people.
Never here: what is sent, in which order, and what is tried again; that belongs to `runtime/postman.py`.
Who may import it: `assembly`. `httpx2` sends, and is imported nowhere else but where it says so in the tests.

Decisions: a redirect is a failure, because a signature is meant for the one who was named. Of an answer only the status
and a few characters are read. Certificates are checked always; an authority of one's own is a file. A target that says
that the notice itself is wrong (400, 404, 405, 410, 413, 415, 422) has refused it; anything else may be over later.
"""
