"""Whether a broker can be used, tried out beside a link that may be at work."""

from __future__ import annotations

import asyncio
import secrets
import ssl

import aiomqtt

from ems.adapters.mqtt.link import Broker
from ems.adapters.mqtt.topic import Topics
from ems.ports.delivery import NotDeliveredError

ANSWER_S = 5.0
MOST_SHOWN = 200


async def tried(broker: Broker) -> str:
    """Log in, and see that what is published comes back; says what was seen. Raises NotDeliveredError. Nothing is
    retained, and a link that runs is not disturbed.
    """
    where = f"{broker.host}:{broker.port}"
    try:
        context = await asyncio.to_thread(ssl.create_default_context, cafile=broker.trusted) if broker.tls else None
        word = secrets.token_hex(8)
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            identifier=f"ems-test-{word}",
            timeout=ANSWER_S,
            tls_context=context,
        )
        async with client:
            return await _echoed(client, broker, word)
    except ssl.SSLError as failed:
        raise NotDeliveredError(f"{where}: {_in_words(failed)}; check tls and ca_file") from None
    except (aiomqtt.MqttError, OSError) as failed:
        raise NotDeliveredError(f"{where}: {_in_words(failed)}") from None


async def _echoed(client: aiomqtt.Client, broker: Broker, word: str) -> str:
    topic = f"{Topics(broker.base).base}/test"
    await client.subscribe(topic, qos=1)
    await client.publish(topic, word, qos=1)
    try:
        async with asyncio.timeout(ANSWER_S):
            async for message in client.messages:
                if message.payload == word.encode():
                    break
    except TimeoutError:
        why = f"{broker.host} takes the login, but not what is published at {topic}: look at its access list"
        raise NotDeliveredError(why) from None
    return f"{broker.host}:{broker.port} takes what is published at {topic} and gives it back"


def _in_words(failed: Exception) -> str:
    text = str(failed).strip() or type(failed).__name__
    return "".join(c if c.isprintable() else " " for c in text)[:MOST_SHOWN]
