"""The running daemon: asyncio lives here, arithmetic on amperes does not.

Lives here: the clock, the inbox, the tick loop, the dispatcher, the supervisor of services, the watchdog, recovery
after a restart, the roster that tells the core who is plugged in, the till with the tabs of sessions, the cashier with
an errand per payment, and the picture for observers; when a new plan is
due, and the process that makes it; what a process needs before it may begin: its event loop, its lock, free addresses;
and the way from a thread back to the loop.
Never here: protocols, SQL, HTTP, allocation. Who may import it: `assembly`.

The loop is the heart. Everything else may fail and be restarted beside it; a tick waits for nothing but the inbox.
"""
