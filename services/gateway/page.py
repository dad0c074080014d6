"""The page at the root: what runs here, for people."""

from html import escape

from ...runtime.inspect import inspect, render
from ..voice import VoiceSystem

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Troupe</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
pre {{ overflow-x: auto; padding: 1rem; border: 1px solid #8884; border-radius: .5rem; }}
</style>
<h1>Troupe</h1>
<p>Realtime voice sessions, in the OpenAI Realtime protocol, at <code>/v1/realtime</code>; the model is
<code>{model}</code>. {sessions} open now.</p>
<pre>{tree}</pre>
"""


def status_page(voice: VoiceSystem | None, model: str) -> str:
    """Return the page as HTML."""
    if voice is None:
        return _PAGE.format(model=escape(model), sessions="No sessions are", tree="starting")
    count = len(list(voice.sessions.children))
    sessions = "One session is" if count == 1 else f"{count or 'No'} sessions are"
    return _PAGE.format(model=escape(model), sessions=sessions, tree=escape(render(inspect(voice.system))))
