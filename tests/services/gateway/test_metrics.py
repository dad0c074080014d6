"""What `/metrics` says of a server that has had visitors."""

import base64
import json
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import httpx2
import numpy as np
import pytest
from anyio import fail_after, to_thread
from conversations import Script, scripted_system
from prometheus_client.parser import text_string_to_metric_families
from servers import serving
from troupe.actors.contracts import Usage
from troupe.actors.routing import ProviderStatus
from troupe.actors.routing.breaker import CircuitBreaker
from troupe.actors.routing.record import Record
from troupe.actors.secret import Secret
from troupe.actors.usage import Meters
from troupe.actors.voice.services import Tally
from troupe.runtime.histogram import Histogram
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from troupe.services.gateway.exposition import exposition
from troupe.services.gateway.metrics import TALLIED, providers
from troupe.services.gateway.shared import Shared
from troupe.services.kinds.price import ModelPrice
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

ROOT = Path(__file__).parents[3]


def values(text: str) -> dict[str, dict[str, float]]:
    """By the name of the metric, and of all its labels' values."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[" ".join(sample.labels.values())] = sample.value
    return found


def test_all_that_is_tallied_is_described() -> None:
    counted = {field.name for field in fields(Tally) if not isinstance(getattr(Tally(), field.name), Histogram)}
    assert counted == set(TALLIED)


@pytest.mark.real_time
@pytest.mark.asyncio_only
@pytest.mark.parametrize("workers", [1, 2])
async def test_what_has_happened(workers: int) -> None:
    script = Script(answer=["One two."])
    access = Access((Secret("right"),))
    system = Gateway(access, "default", partial(scripted_system, script, 5.0), shared=Shared(workers=workers))
    async with (
        serving(system.application()) as address,
        httpx2.AsyncClient(base_url=f"http://{address}", headers={"Authorization": "Bearer right"}) as http,
    ):
        url = f"ws://{address}/v1/realtime"
        with pytest.raises(InvalidStatus):
            await connect(url)
        async with connect(url, additional_headers={"Authorization": "Bearer right"}) as socket:
            for level in (8000, 0):  # half a second of speech, and as much silence
                audio = base64.b64encode(np.full(12_000, level, np.int16).tobytes()).decode()
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            with fail_after(10):
                while json.loads(await socket.recv())["type"] != "response.done":
                    pass
            assert (await http.get("/metrics", headers={"Authorization": ""})).status_code == 401
            answer = await http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = values(answer.text)

    page = await to_thread.run_sync((ROOT / "docs" / "operating.md").read_text)
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in found}
    assert {name for name in families if f"`{name}`" not in page} == set()

    def value(name: str, labels: str = "") -> Any:
        return found[name][f"0 {labels}".strip() if workers > 1 else labels]

    assert value("troupe_sessions") == 1
    assert value("troupe_sessions_accepted_total") == 1
    assert value("troupe_refusals_total", "key") == 2
    assert value("troupe_turns_total") == 1
    assert value("troupe_stage_seconds_count", "first_audio") == 1
    assert value("troupe_stage_seconds_bucket", "answer +Inf") == 1
    assert value("troupe_actor_restarts_total", "llm") == 0
    assert value("troupe_actors", "running") >= 4
    assert value("troupe_received_bytes_total") > 64_000
    assert value("troupe_sent_bytes_total") > 32_000
    assert 0 <= value("troupe_event_loop_lag_seconds", "worst") < 5


async def test_providers_by_stage_and_model() -> None:
    record = Record()
    record.first.observe(0.25)
    record.outcomes.update({"ok": 2, "rate_limited": 1})
    breaker = CircuitBreaker()
    breaker.admit(0)
    status = ProviderStatus("providers/openai/llm", "gpt-4o-mini", breaker.statistics(0), record, 0.25, None)
    meters = Meters()
    meters.of("gpt-4o-mini").add(Usage(input_tokens=10, output_tokens=7, cost=0.002))
    meters.of("gpt-4o-mini").retries["rate_limited"] += 2
    meters.of("").connects.observe(0.125)
    used = {"providers/openai/llm": meters.accounts}
    found = values(
        exposition(
            providers(
                {"voice/llm": (status,)}, used, {("providers/openai/llm", "gpt-4o-mini"): ModelPrice(input=1, output=2)}
            )
        ).decode()
    )
    assert found["troupe_provider_first_seconds_sum"] == {"openai llm gpt-4o-mini": 0.25}
    assert found["troupe_provider_outcomes_total"]["openai llm gpt-4o-mini rate_limited"] == 1
    assert found["troupe_provider_cost_total"] == {"openai llm gpt-4o-mini": 0.002, "openai llm ": 0}
    assert found["troupe_provider_input_tokens_total"]["openai llm gpt-4o-mini"] == 10
    assert found["troupe_provider_estimated_cost_total"] == {"openai llm gpt-4o-mini": pytest.approx(24e-6)}
    assert found["troupe_provider_retries_total"] == {"openai llm gpt-4o-mini rate_limited": 2}
    assert found["troupe_provider_connect_seconds_sum"] == {"openai llm gpt-4o-mini": 0, "openai llm ": 0.125}
    assert found["troupe_provider_circuit"] == {"providers/openai/llm": 0}
    page = await to_thread.run_sync((ROOT / "docs" / "operating.md").read_text)
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in found}
    assert {name for name in families if f"`{name}`" not in page} == set()
