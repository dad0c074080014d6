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


HEADS: Final = (
    *("provider", "stage", "model", "ok", "left", "errors", "retries", "connect, p50", "first, p50", "first, p99"),
    *("circuit", "used", "cost"),
)
USED: Final = {"input_tokens": "in", "output_tokens": "out", "characters": "characters", "seconds": "s of audio"}
"""What is shown of what was used, and what it is called there."""
_AMOUNTS: Final = {f"troupe_provider_{name}_total": name for name in USED}


Sample = tuple[str, dict[str, str], float]


@dataclass
class Provider:
    """The numbers of one provider, stage and model, over all workers of a server."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    first: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    """Answers that began within so many seconds, by the bounds of their distribution."""
    connect: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    """Connections that were made within so many seconds, likewise."""
    used: Counter[str] = field(default_factory=Counter[str])
    """What was used, by the names of `USED`."""
    retries: Counter[str] = field(default_factory=Counter[str])
    """Requests that were sent again, by the reason."""
    cost: float = 0.0
    """In US dollars, as far as the provider says it."""
    estimate: float = 0.0
    """The same by the prices that are known."""
    circuit: float = 0.0


def quantile(counts: dict[float, float], share: float) -> float | None:
    """Return the seconds within which that share of a distribution lies, between two bounds as if evenly spread.

    Args:
        counts: Values up to each bound, all of them up to infinity.
        share: From 0 to 1.
    """
    total = counts.get(float("inf"), 0)
    if not total:
        return None
    below, least = 0.0, 0.0
    for bound in sorted(counts):
        count = counts[bound]
        if count >= share * total:
            if bound == float("inf"):
                break
            return least + (bound - least) * (share * total - below) / (count - below)
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
        if not labels.get("model"):  # what is about none, such as lists of models, is not shown
            continue
        one = found[labels["provider"], labels["stage"], labels["model"]]
        match name:
            case "troupe_provider_outcomes_total":
                one.outcomes[labels["outcome"]] += round(value)
            case "troupe_provider_first_seconds_bucket":
                one.first[float(labels["le"])] += value
            case "troupe_provider_connect_seconds_bucket":
                one.connect[float(labels["le"])] += value
            case "troupe_provider_retries_total":
                one.retries[labels["reason"]] += round(value)
            case "troupe_provider_cost_total":
                one.cost += value
            case "troupe_provider_estimated_cost_total":
                one.estimate += value
            case _ if name in _AMOUNTS:
                one.used[_AMOUNTS[name]] += round(value)
            case _:
                pass
    circuits = [(labels["provider"], value) for name, labels, value in page if name == "troupe_provider_circuit"]
    for (provider, stage, _), one in found.items():
        ours = (value for path, value in circuits if path.endswith(f"/{provider}/{stage}"))
        one.circuit = max(ours, default=0.0)
    return dict(found)


def table(found: dict[tuple[str, str, str], Provider]) -> Table:
    """Return them for the terminal."""
    shown = Table(*HEADS, box=None, padding=(0, 2, 0, 0))
    for (provider, stage, model), one in sorted(found.items()):
        errors = Counter({code: count for code, count in one.outcomes.items() if code not in NO_ERRORS})
        shown.add_row(
            Text(provider, "bold"),
            stage,
            model,
            str(one.outcomes["ok"]),
            str(one.outcomes["left"]),
            Text(_told(errors) or "0", "red" if errors else "green"),
            _told(one.retries) or "0",
            _seconds(quantile(one.connect, 0.5)),
            _seconds(quantile(one.first, 0.5)),
            _seconds(quantile(one.first, 0.99)),
            Text(*CIRCUITS[one.circuit]),
            ", ".join(f"{one.used[name]} {unit}" for name, unit in USED.items() if one.used[name]),
            f"${one.cost:.4f}" if one.cost else f"about ${one.estimate:.4f}" if one.estimate else "",
        )
    return shown


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {code}" for code, count in counts.most_common())


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value * 1000:.0f} ms"
