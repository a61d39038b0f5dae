"""What the site does, published to an MQTT broker, with discovery for Home Assistant; and a few commands from there.

Lives here: the link to the broker, topics with their payloads, discovery, and what a command means.
Never here: what is allowed (the site file says which commands), what a change leads to (`Operations`).
Who may import it: `assembly`. `aiomqtt` is imported nowhere else.

Decisions:

- *One JSON per thing* (site, circuit, EVSE, alarms), retained, sent when it differs: a subscriber never sees half of
  it, and the broker has what is true now. Names are those of the site file, never positions.
- *The last will says offline*, and so do we when we stop in order; whoever shows values shows them as unavailable then.
- *What is gone is taken away*: retained topics of circuits and EVSEs that the site has no more are cleared.
- *A retained command is none.* It would be carried out again at each connection, long after anybody meant it.
- *Nothing waits for the broker.* While it is away nothing is kept: it gets what is true when it is back. What happened
  meanwhile comes through the outbox (`runtime/postman.py`), to `event`.
"""
