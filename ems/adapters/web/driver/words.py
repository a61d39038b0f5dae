"""What drivers are told, in English; `languages` has the same in others. Nothing in it is about anybody else."""

from __future__ import annotations

from typing import NamedTuple

from ems.domain.decision import Binding
from ems.domain.driver.sticker import Trouble


def sentence(text: str) -> str:
    """Marks a text for those who translate; it is said later."""
    return text


class Condition(NamedTuple):
    """How a bay is shown: a headline, what to do, how it looks (`tone`), and a sign."""

    headline: str
    lead: str
    tone: str
    icon: str


CONDITIONS = {
    "starting": Condition(
        sentence("One moment"), sentence("The site has just started. This page goes on by itself."), "calm", "hourglass"
    ),
    "offline": Condition(
        sentence("Charger not reachable"),
        sentence("Nothing can be started here by phone at the moment. Your card may work at the reader."),
        "bad",
        "offline",
    ),
    "fault": Condition(
        sentence("Out of order"), sentence("This charger reports a fault. Please use another one."), "bad", "warning"
    ),
    "out": Condition(
        sentence("Out of service"), sentence("Nobody can charge here now. Please use another one."), "bad", "cross"
    ),
    "reserved": Condition(
        sentence("Reserved"),
        sentence("This charger is kept for somebody. If that is you, hold your card to the reader."),
        "wait",
        "clock",
    ),
    "free": Condition(sentence("Free"), sentence("Plug in your vehicle first."), "ok", "circle"),
    "plugged": Condition(sentence("Plugged in"), sentence("Choose how to start."), "ok", "plug"),
    "busy": Condition(sentence("In use"), sentence("A vehicle is charging here."), "calm", "bolt"),
    "standing": Condition(
        sentence("In use"), sentence("A vehicle is plugged in here, and takes nothing at the moment."), "calm", "plug"
    ),
    "left": Condition(
        sentence("In use"), sentence("A vehicle has finished here, and is still plugged in."), "calm", "plug"
    ),
    "awaited": Condition(
        sentence("In use"), sentence("Somebody has paid here, and is about to plug in."), "calm", "hourglass"
    ),
    "paying": Condition(
        sentence("Waiting for the payment"),
        sentence("Finish it on the page of the payment service. Once you have, it goes on here by itself."),
        "wait",
        "hourglass",
    ),
    "cancelling": Condition(sentence("One moment"), sentence("The payment is being cancelled."), "calm", "hourglass"),
    "waiting": Condition(
        sentence("Starting"), sentence("The charger is being started. Plug in, if you have not yet."), "wait", "plug"
    ),
    "begun": Condition(
        sentence("Starting"), sentence("It has begun. Your vehicle will charge in a moment."), "wait", "bolt"
    ),
    "card": Condition(
        sentence("Hold your card to the reader"),
        sentence("Plug in, then hold your card to the reader of this charger. This page follows."),
        "wait",
        "plug",
    ),
    "charging": Condition(sentence("Charging"), "", "ok", "bolt"),
    "paused": Condition(sentence("Waiting for power"), "", "wait", "pause"),
    "idle": Condition(
        sentence("Your vehicle takes nothing"),
        sentence("It is full, or has stopped by itself. Please make room for others."),
        "idle",
        "check",
    ),
    "ended": Condition(
        sentence("Charging has ended"), sentence("Please unplug and make room for others."), "idle", "check"
    ),
    "lost": Condition(
        sentence("Charger not reachable"),
        sentence("Charging goes on with a safe power. What you pay is settled when the charger is back."),
        "wait",
        "offline",
    ),
    "settling": Condition(sentence("One moment"), sentence("The charge is being settled."), "calm", "hourglass"),
    "paid": Condition(sentence("Thank you"), sentence("Charging has ended, and is paid."), "ok", "check"),
    "given": Condition(sentence("Thank you"), sentence("Charging has ended."), "ok", "check"),
    "failed": Condition(sentence("It did not work"), "", "bad", "cross"),
}
"""Every state of a bay."""

REASONS = {
    Binding.CIRCUIT: sentence("The supply here is at its limit. The power is shared fairly."),
    Binding.LIMIT: sentence("The site may use less power at the moment."),
    Binding.WAITING: sentence("There is not enough power for every vehicle at once. You are in the queue."),
    Binding.RAISING: sentence("The power is being raised step by step."),
    Binding.HELD: sentence("The power is not raised at the moment, because a measurement of the site is missing."),
    Binding.FALLBACK: sentence("The charger gives a safe, lower power, because the site cannot be measured now."),
    Binding.VEHICLE: sentence("Your vehicle takes no more at the moment."),
    Binding.EVSE: sentence("You get all that this charger can give."),
    Binding.PLANNED: sentence("Charging is timed so that you are ready when you leave, at the lowest cost."),
    Binding.DONE: sentence("Your vehicle has what it wanted, or has stopped by itself."),
    Binding.STATION: sentence("The charger itself gives no more."),
    Binding.OFFLINE: sentence("The charger cannot be reached, so it gives a safe, lower power."),
    Binding.SWITCHING: sentence("The charger is changing over. It goes on in a moment."),
    Binding.NOT_STARTED: sentence("The charger has not begun yet."),
    Binding.NO_VEHICLE: sentence("No vehicle is plugged in."),
}
"""Why the power is what it is."""

COVERED = sentence("You have got all the energy that your payment covers.")
USED_UP = sentence("The amount that was blocked on your card is used up.")
SILENT = sentence("The payment service does not answer yet. You can wait here, or cancel: nothing is blocked.")
NO_COST = sentence("Nothing was charged; the blocked amount is released.")
NOTHING_BLOCKED = sentence("Nothing was blocked.")

ENDINGS = (
    ("declined", sentence("Your card was declined."), NOTHING_BLOCKED),
    ("the payment provider refused", sentence("The payment service refused the payment."), NOTHING_BLOCKED),
    ("nobody paid in time", sentence("The payment was not finished."), NOTHING_BLOCKED),
    ("the charger refused the start", sentence("The charger refused the start."), NO_COST),
    ("nobody plugged in", sentence("No vehicle was plugged in within five minutes."), NO_COST),
    ("a card began", sentence("The charge was begun with a card."), NO_COST),
    ("stopped it before it began", sentence("You stopped before it began."), NO_COST),
    ("no longer part of the site", sentence("This charger is not in use any more."), NO_COST),
    ("no energy flowed", sentence("No energy flowed."), NO_COST),
    ("less than can be taken", sentence("It cost so little that it is free for you."), NO_COST),
    ("nobody knows what was delivered", sentence("Nobody knows what was delivered, so it is free for you."), NO_COST),
    ("somebody else charges", sentence("Another vehicle charges here now; yours is settled until then."), ""),
    ("hold on the card ended", sentence("The block on your card ended, so the charge was settled before that."), ""),
)
"""How a payment ended: a part of what it says, the sentence for it, and what becomes of the money."""

REVIEW = sentence("Your payment needs to be looked at by the operator. You are not charged twice.")
FAILED = sentence("It could not be done.")
UNREADABLE = sentence("That cannot be read at the moment. Try again in a minute.")

REFUSALS = (
    ("nobody pays by card", sentence("Nobody can pay by phone at this charger.")),
    ("not in service", sentence("This charger is not in service now.")),
    ("somebody else is paying", sentence("Somebody else is paying or charging here.")),
    ("somebody else is starting", sentence("Somebody else is starting here.")),
    ("somebody else charges", sentence("Somebody else charges here.")),
    ("unplug first", sentence("A vehicle has charged here already. Unplug it first.")),
    ("kept for somebody", sentence("This charger is kept for somebody else now.")),
    ("not free for everybody", sentence("Charging is not free here. Choose another way to start.")),
    ("does not pay for a single kWh", sentence("Nobody can pay by phone here at the moment. Tell the operator.")),
    ("another phone follows", sentence("Another phone follows this charge already.")),
    ("too long ago", sentence("This charge began too long ago to be followed by a phone.")),
    ("does not offer that", sentence("That is not offered here.")),
    ("no mail address", sentence("This is no mail address. Write it as name@example.com.")),
    ("no more mail", sentence("No more mail goes out about this charge.")),
    ("does not stop", sentence("The charger does not stop. Try again in a moment, or ask for help.")),
    ("hold your card", sentence("Hold your card to the reader to stop.")),
    ("is over", sentence("That is over, or not possible any more.")),
    ("target must be above", sentence("The target must be above the present charge, and 100 % at most.")),
    ("battery", sentence("No battery is like that. Look at the numbers again.")),
    ("can take", sentence("Your vehicle cannot take so much. Look at the numbers again.")),
    ("number", sentence("Write a number, as 20 or 20.5.")),
    ("time of day", sentence("Write the time as 17:30.")),
    ("terms", sentence("Agree to the terms first.")),
    ("price has changed", sentence("The price has changed meanwhile. Look at it, then start again.")),
    ("scan again", sentence("Scan the code on the display again: it is only good for a minute.")),
    ("not stored", sentence("It could not be stored, so nothing has changed. Try again.")),
    ("too often", sentence("Too many attempts. Wait a moment, then try again.")),
)
"""What was refused: a part of what the refusal says, and the sentence for it."""

TROUBLES = {
    Trouble.WILL_NOT_START: sentence("Charging does not start"),
    Trouble.WILL_NOT_STOP: sentence("Charging does not stop"),
    Trouble.CABLE: sentence("The cable or plug is stuck or broken"),
    Trouble.DAMAGED: sentence("The charger is damaged"),
    Trouble.BLOCKED: sentence("The bay is blocked"),
    Trouble.PAYMENT: sentence("Something is wrong with the payment"),
    Trouble.OTHER: sentence("Something else"),
}


def refusal(text: str) -> str:
    """The sentence for a refusal."""
    return next((said for part, said in REFUSALS if part in text), FAILED)


def ending(why: str) -> tuple[str, str]:
    """The sentence for the end of a payment, and the one for its money; both empty when there is nothing to say."""
    return next(((said, money) for part, said, money in ENDINGS if part in why), ("", ""))
