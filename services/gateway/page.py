"""The page for people who look after the server: how it is, and what runs in it. Nothing of what is said."""

from collections.abc import Mapping
from html import escape
from typing import Final

from msgspec.structs import replace

from ...runtime.inspect import Node, inspect, render
from ..voice import VoiceSystem

SHOWN: Final = 50
"""Children of a supervisor that are drawn; of the others there is only the number."""

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
"""What belongs to the page in HTTP."""

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>Troupe: {state}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 60rem; margin: 3rem auto; padding: 0 1rem; }}
pre {{ overflow-x: auto; padding: 1rem; border: 1px solid #8884; border-radius: .5rem; }}
th {{ text-align: left; font-weight: normal; padding-right: 2rem; }}
</style>
<h1>Troupe: {state}</h1>
<p>Realtime voice sessions, in the OpenAI Realtime protocol, at <code>/v1/realtime</code>; the model is
<code>{model}</code>.</p>
<table>{facts}</table>
<pre>{tree}</pre>
"""


def status_page(voice: VoiceSystem | None, model: str, state: str, facts: Mapping[str, object]) -> str:
    """Return the page as HTML.

    Args:
        voice: What runs; None while it starts.
        model: The name by which clients know it.
        state: How it is, in a word.
        facts: What else there is to know.
    """
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in facts.items())
    tree = render(_pruned(inspect(voice.system))) if voice is not None else ""
    return _PAGE.format(model=escape(model), state=escape(state), facts=rows, tree=escape(tree))


def _pruned(node: Node) -> Node:
    children = tuple(_pruned(child) for child in node.children[:SHOWN])
    more = len(node.children) - len(children)
    return replace(node, name=f"{node.name} (and {more} more)" if more else node.name, children=children)
