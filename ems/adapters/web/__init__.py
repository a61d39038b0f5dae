"""The HTTP side: the live page, the picture of the site as JSON and as an event stream, history, health, metrics; the
plan with its page and what-ifs; and what people may change.

Lives here: everything that knows HTTP, HTML or Prometheus, and the files the browser gets. FastAPI, Starlette, uvicorn,
Jinja2 and prometheus_client are imported here only.
Never here: a decision, an event into the core, a clock of its own. It gets a `Live` and a `Clock` and only looks; what
changes something goes through `Operations`, which stores it before it counts.
Who may import it: `assembly`.

Read `picture.py` first: what everybody sees is that one pure function.

Decisions. The event loop is shared with control, so nothing here may hold it for 5 ms: a picture is made of rows, and
whoever turns rows into bytes gives way between slices of them (`frame.py`, `page.py`, `metrics.py`, `series.py`). It
is made at most once a second for all clients together, and compressed once for all.
The page is rendered by the server and kept up to date by small modules; the words of both come from `words.py`. That
of the plan asks for the plan by its tag every few seconds, and takes over parts of a new page when there is another. No
inline script and no inline style exists, so that the content policy can forbid them: bars are SVG attributes. Charts
are drawn by uPlot, whose file the package uplot-python carries and which is content with that policy; Bokeh draws
nothing under it.
Every path says which role it needs (`needs.py`), or the application is not built; what it takes is compiled when it is
first asked for (`route.py`). The gate (`gate.py`) finds out who asks (`entrance.py`): by a token, by the cookie of a
login together with a second secret that pages of other sites cannot know, or by being at the machine itself, through no
proxy, as far as the site allows that. As long as nobody can log in, the server stays on loopback, whatever address it
is told. Who asks is answered from memory; passwords are compared in threads, a few at a time. How users are kept is not
known here (`accounts.py` says what is asked of them).
Every page is named in `navigation.py`, and offered where its route is there for whoever looks. The pages of the
operator's day have their frame from `sheet.py`, and look back through the port `Past`; scripts take over what changed
of a page that was rendered anew (`station-ask.js`), so that every word is said in one place.
What people ask of stations goes through `Remote` (`station_api.py`, `round_api.py`, `station_page.py`), and mostly
waits there, so it takes no turn; files of stations come in at a server of its own (`upload_server.py`).
What cannot be meant is refused by the domain, in its words; `body.py` only gives it the domain's records.
"""
