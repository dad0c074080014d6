"""How the providers of a running server do, from what it tells Prometheus."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import httpx2
from rich.table import Table
from rich.text import Text

_SAMPLE: Final = re.compile(r"(\w+)\{(.*)\} (\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
CIRCUITS: Final = {0.0: ("closed", "green"), 1.0: ("half open", "yellow"), 2.0: ("open", "red")}
NO_ERRORS: Final = frozenset({"ok", "left"})
"""Outcomes of calls that are no fault of a provider."""


class Unreadable(Exception):
    """The server's numbers can't be had; the text says why."""


Sample = tuple[str, dict[str, str], float]


@dataclass
class Provider:
    """The numbers of one provider, stage and model, over all workers of a server."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    first: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    """Answers that began within so many seconds, by the bounds of their distribution."""
    cost: float = 0.0
    circuit: float = 0.0

    def quantile(self, share: float) -> float | None:
        """Return the seconds within which that share of answers began, between two bounds as if evenly spread."""
        total = self.first.get(float("inf"), 0)
        if not total:
            return None
        below, least = 0.0, 0.0
        for bound in sorted(self.first):
            count = self.first[bound]
            if count >= share * total:
                return (
                    least
                    if bound == float("inf")
                    else least + (bound - least) * (share * total - below) / (count - below)
                )
            below, least = count, bound
        return least


def live(url: str, key: str) -> Table:
    """Return a table of a server's providers.

    Raises:
        Unreadable: It can't be reached, wants another key, or is no server of ours.
    """
    address = (url if "://" in url else f"http://{url}").rstrip("/") + "/metrics"
    try:
        response = httpx2.get(address, headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=10)
    except httpx2.InvalidURL:
        raise Unreadable(f"{url} is no address; one is like http://127.0.0.1:8000") from None
    except httpx2.TransportError:
        raise Unreadable(f"{url} can't be reached; is `troupe serve` running there?") from None
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        raise Unreadable("the server wants a key, or another one: set TROUPE_API_KEY, or pass --key")
    if response.status_code != HTTPStatus.OK:
        raise Unreadable(f"there are no metrics at {address} ({response.status_code}); is it a Troupe server?")
    return table(gathered(samples(response.text)))


def samples(text: str) -> list[Sample]:
    """Return the samples of a page in Prometheus's text format: name, labels and value of each."""
    found = [_SAMPLE.fullmatch(line) for line in text.splitlines() if not line.startswith("#")]
    return [(match[1], dict(_LABEL.findall(match[2])), float(match[3])) for match in found if match]


def gathered(page: list[Sample]) -> dict[tuple[str, str, str], Provider]:
    """Return the numbers by provider, stage and model; those of several workers together."""
    found: dict[tuple[str, str, str], Provider] = defaultdict(Provider)
    for name, labels, value in page:
        if "model" not in labels:
            continue
        one = found[labels["provider"], labels["stage"], labels["model"]]
        if name == "troupe_provider_outcomes_total":
            one.outcomes[labels["outcome"]] += round(value)
        elif name == "troupe_provider_first_seconds_bucket":
            one.first[float(labels["le"])] += value
    for name, labels, value in page:
        for (provider, stage, _), one in found.items():
            if name == "troupe_provider_circuit" and labels["provider"].endswith(f"/{provider}/{stage}"):
                one.circuit = max(one.circuit, value)
            elif name == "troupe_provider_cost_total" and (labels["provider"], labels["stage"]) == (provider, stage):
                one.cost += value
    return dict(found)


def table(found: dict[tuple[str, str, str], Provider]) -> Table:
    """Return them for the terminal."""
    heads = ("provider", "stage", "model", "ok", "left", "errors", "first, p50", "first, p99", "circuit", "cost")
    shown = Table(*heads, box=None, padding=(0, 2, 0, 0))
    for (provider, stage, model), one in sorted(found.items()):
        errors = {code: count for code, count in one.outcomes.most_common() if code not in NO_ERRORS}
        told = ", ".join(f"{count} {code}" for code, count in errors.items())
        shown.add_row(
            Text(provider, "bold"),
            stage,
            model,
            str(one.outcomes["ok"]),
            str(one.outcomes["left"]),
            Text(told or "0", "red" if errors else "green"),
            _seconds(one.quantile(0.5)),
            _seconds(one.quantile(0.99)),
            Text(*CIRCUITS[one.circuit]),
            f"${one.cost:.4f}" if one.cost else "",
        )
    return shown


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value * 1000:.0f} ms"
