"""What the server counts, as metrics: how many, how fast, how often in vain. Never what was said, and by whom.

Nothing is measured for these: they read the plain counters that each part keeps, when somebody asks. Labels are words
of ours and names of the configuration.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Final, cast

import msgspec

from ...actors.contracts import Account
from ...actors.routing import Circuit, ProviderStatus
from ...actors.routing.record import Record
from ...actors.voice.services import Tally
from ...runtime.histogram import Histogram
from ...runtime.inspect import Node, inspect
from ..cast import CASTS
from ..catalogue.prices import spent
from ..kinds.price import ModelPrice
from ..voice import VoiceSystem
from .admission import Admission
from .connection import ConnectionsStatistics
from .exposition import Metric, counter, exposition, gauge, histogram, merged
from .half_open import HalfOpen
from .lag import Lag
from .noticeboard import Noticeboard

TRANSIENT: Final = ("sessions", CASTS)
"""The supervisors whose children come and go with the clients, and are not shown one by one."""

TALLIED: Final = {
    "turns": "Turns of users that were to be answered.",
    "failed": "Responses that ended with an error.",
    "speculations_used": "Answers begun on a likely end of a turn, and used.",
    "speculations_discarded": "Answers begun on a likely end of a turn, and thrown away.",
    "interruptions": "Times that a user has stopped the assistant.",
    "backchannels": "Times that a user's sound has not stopped the assistant.",
    "errors": "What responses failed of, by the code of the error.",
}
"""The counters of `Tally`."""

TIMED: Final = {
    "first": "From a question to the first of its answer: token, audio, or last word after the last audio.",
    "between": "From one item of an answer to the next, where one was due.",
    "total": "What calls took that a provider has done.",
}
"""The distributions of a provider's `Record`."""

USED: Final = {
    "input_tokens": "Tokens of requests, those from the provider's cache included.",
    "cached_tokens": "Tokens of requests that the provider had in its cache.",
    "output_tokens": "Tokens of answers.",
    "characters": "Characters of text to be spoken.",
    "seconds": "Seconds of audio that were transcribed or spoken.",
    "cost": "US dollars, as far as the provider says it.",
}
"""What is shown of a provider's `Usage`."""

CIRCUITS: Final[dict[Circuit, float]] = {Circuit.CLOSED: 0, Circuit.HALF_OPEN: 1, Circuit.OPEN: 2}

_snapshots: Final = msgspec.msgpack.Decoder(list[Metric])


def door(admission: Admission, half_open: HalfOpen, lag: Lag) -> Iterator[Metric]:
    """Give what there is to know before anybody is let in."""
    yield gauge("troupe_sessions", "Sessions that are open.", admission.sessions)
    yield counter("troupe_sessions_accepted_total", "Sessions that were let in.", admission.accepted)
    refused = {str(reason): count for reason, count in admission.refused.items()}
    yield counter("troupe_refusals_total", "Requests that were turned away, by reason.", refused, "reason")
    yield gauge("troupe_half_open_connections", "Connections without a complete request.", len(half_open))
    dropped = {"too_many": half_open.refused, "too_slow": half_open.timed_out, "displaced": half_open.displaced}
    yield counter("troupe_half_open_dropped_total", "Those that were dropped, by reason.", dropped, "reason")
    late = {"mean": lag.mean, "worst": lag.worst}
    yield gauge("troupe_event_loop_lag_seconds", "Lateness of the event loop during the last second.", late, "of")


def connections(statistics: ConnectionsStatistics) -> Iterator[Metric]:
    """Give what connections have been through."""
    yield counter("troupe_clients_cut_off_total", "Clients that stopped reading.", statistics.cut_off)
    muted = "Responses of which a client did not get all audio, because it read too slowly."
    yield counter("troupe_responses_muted_total", muted, statistics.muted)
    yield counter("troupe_received_bytes_total", "What clients have sent, without frames.", statistics.received)
    yield counter("troupe_sent_bytes_total", "What clients were sent, without frames.", statistics.sent)


def conversations(tally: Tally) -> Iterator[Metric]:
    """Give what sessions have counted."""
    stages: dict[str, Histogram] = {}
    for field in fields(tally):
        value: int | Counter[str] | Histogram = getattr(tally, field.name)
        if isinstance(value, Histogram):
            stages[field.name] = value
        else:
            yield counter(f"troupe_{field.name}_total", TALLIED[field.name], value, "code")
    yield histogram("troupe_stage_seconds", "Time that a stage of a turn has taken.", stages, "stage")


def actors(voice: VoiceSystem) -> Iterator[Metric]:
    """Give the state of the supervision tree."""
    nodes = list(_nodes(inspect(voice.system)))
    states = Counter(node.state.value for node in nodes)
    yield gauge("troupe_actors", "Actors and supervisors but for sessions, by state.", states, "state")
    restarts = {node.path: node.restarts for node in nodes if node.path}
    yield counter("troupe_actor_restarts_total", "How often each was started again.", restarts, "actor")


def providers(
    statuses: Mapping[str, Iterable[ProviderStatus]],
    used: Mapping[str, Iterable[Account]],
    prices: Mapping[tuple[str, str], ModelPrice],
) -> Iterator[Metric]:
    """Give how the providers of the routers are doing, and what was used of all providers.

    The names in the labels, models' included, are those of the configuration: what clients ask for is none of them.

    Args:
        statuses: By the path of the router.
        used: By the path of the provider, of each of its models.
        prices: What is known of what they cost, by the path of the provider and the model.
    """
    yield from _breakers(statuses)
    records: dict[tuple[str, ...], Record] = {
        (*_named(each.path), each.model): each.record for chain in statuses.values() for each in chain
    }
    labels = ("provider", "stage", "model")
    by_price: dict[tuple[str, ...], float] = {
        (*_named(path), each.model): spent(price, each.usage)
        for path, models in used.items()
        for each in models
        if (price := prices.get((path, each.model))) is not None
    }
    estimated = "US dollars, by the prices that are known, whether the provider says its own or not."
    yield counter("troupe_provider_estimated_cost_total", estimated, by_price, *labels)
    for name, help_ in TIMED.items():
        times = {key: cast("Histogram", getattr(record, name)) for key, record in records.items()}
        yield histogram(f"troupe_provider_{name}_seconds", help_, times, *labels)
    outcomes = {(*key, outcome): count for key, each in records.items() for outcome, count in each.outcomes.items()}
    ended = "Calls that have ended: ok, left by the caller, or the code of the error."
    yield counter("troupe_provider_outcomes_total", ended, outcomes, *labels, "outcome")
    yield from _accounts({(*_named(path), each.model): each for path, models in used.items() for each in models})


def _accounts(accounts: Mapping[tuple[str, ...], Account]) -> Iterator[Metric]:
    """Give what was used, by provider, stage and model."""
    labels = ("provider", "stage", "model")
    for name, help_ in USED.items():
        amounts: dict[tuple[str, ...], float] = {key: getattr(each.usage, name) for key, each in accounts.items()}
        yield counter(f"troupe_provider_{name}_total", help_, amounts, *labels)
    again = {(*key, why): count for key, each in accounts.items() for why, count in each.retries.items()}
    yield counter("troupe_provider_retries_total", "Requests that were sent again, and why.", again, *labels, "reason")
    connects = {key: each.connects for key, each in accounts.items()}
    made = "Seconds to a connection, TLS included, where one was made."
    yield histogram("troupe_provider_connect_seconds", made, connects, *labels)


def _named(path: str) -> tuple[str, str]:
    """Return the provider of an actor, and its stage."""
    above, _, stage = path.rpartition("/")
    return above.rpartition("/")[2], stage


def _breakers(statuses: Mapping[str, Iterable[ProviderStatus]]) -> Iterator[Metric]:
    by_path = {each.path: each.breaker for chain in statuses.values() for each in chain}
    calls = {path: breaker.calls for path, breaker in by_path.items()}
    yield counter("troupe_provider_calls_total", "Calls to each provider.", calls, "provider")
    failures = {path: breaker.failures for path, breaker in by_path.items()}
    yield counter("troupe_provider_failures_total", "Those of them that failed.", failures, "provider")
    resting = {path: float(breaker.opens_in > 0) for path, breaker in by_path.items()}
    yield gauge("troupe_provider_resting", "1 while a provider is left alone because it fails.", resting, "provider")
    circuits = {path: CIRCUITS[breaker.circuit] for path, breaker in by_path.items()}
    yield gauge("troupe_provider_circuit", "0 closed, 1 half open: one call as a trial, 2 open.", circuits, "provider")
    tripped = {path: breaker.tripped for path, breaker in by_path.items()}
    yield counter("troupe_provider_tripped_total", "How often the circuit has opened.", tripped, "provider")
    refused = {path: breaker.refused for path, breaker in by_path.items()}
    yield counter("troupe_provider_kept_away_total", "Calls that an open circuit kept away.", refused, "provider")


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if node.path not in TRANSIENT:
        for child in node.children:
            yield from _nodes(child)


def page(own: list[Metric], board: Noticeboard | None) -> bytes:
    """Return the page that Prometheus reads: of this process, or of all workers, whichever of them is asked."""
    if board is None:
        return exposition(own)
    post(own, board)
    snapshots = {str(place): _snapshots.decode(notice) for place, notice in sorted(board.read().items())}
    return exposition(merged(snapshots))


def post(own: list[Metric], board: Noticeboard) -> None:
    """Let the other workers read this one's metrics."""
    board.post(msgspec.msgpack.encode(own))
