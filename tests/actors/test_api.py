"""What is counted on the way to a provider: retries with their reason, and connections, model by model."""

from collections.abc import Iterator

import pytest
from anyio import fail_after
from language_models import until_it_ends
from msgspec.structs import replace
from openai_provider import CHAT, HELLO, answered, chat
from speech_providers import say
from troupe.actors.contracts import Account, GetAccounts, GetUsage, ListModels, Synthesize
from troupe.actors.http import Deadlines, HttpClient, HttpRequest
from troupe.actors.providers.deepgram.endpoint import DeepgramEndpoint
from troupe.actors.providers.deepgram.speech import DeepgramSpeech
from troupe.actors.providers.deepgram.synthesizer import DeepgramSynthesizer
from troupe.actors.providers.deepgram.wire.speak import SpeakOptions
from troupe.actors.usage import Meter
from troupe.actors.websocket import SocketRequest, connect
from troupe.runtime import Ref, child, open_system
from troupe.services.wire import Refuse
from troupe.services.wire.deepgram import DeepgramWire
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time


@pytest.fixture
def openai() -> Iterator[OpenAiWire]:
    with OpenAiWire() as wire:
        yield wire


@pytest.fixture
def deepgram() -> Iterator[DeepgramWire]:
    with DeepgramWire() as wire:
        yield wire


@pytest.fixture
def ended() -> OpenAiWire:
    """A server that is gone: nobody listens at its address."""
    with OpenAiWire() as wire:
        pass
    return wire


async def accounts(ref: Ref) -> dict[str, Account]:
    return {each.model: each for each in await ref.ask(GetAccounts())}


async def test_each_model_has_an_account_of_its_own(openai: OpenAiWire) -> None:
    async with chat(openai) as ref:
        openai.fail(CHAT, Refuse(503))
        await answered(ref)
        await answered(ref, replace(HELLO, model="gpt-y"))
        for _ in range(3):
            await ref.ask(ListModels())
        found = await accounts(ref)
        total = await ref.ask(GetUsage())
    assert {name: each.usage.calls for name, each in found.items()} == {"": 0, "gpt-x": 1, "gpt-y": 1}
    assert found["gpt-x"].retries == {"provider_unavailable": 1}
    assert found["gpt-y"].retries == {}
    assert found["gpt-x"].connects.count >= 1
    assert found[""].connects.count <= 1  # the connection of the list before is there
    assert found["gpt-y"].usage.output_tokens > 0
    assert total.output_tokens == sum(each.usage.output_tokens for each in found.values())


async def test_nothing_is_connected_where_nobody_listens(ended: OpenAiWire) -> None:
    async with chat(ended) as ref:
        await until_it_ends(ref)
        account = (await accounts(ref))["gpt-x"]
    assert account.connects.count == 0
    assert account.usage.failures == 1
    assert account.retries.keys() == {"provider_unavailable"}


@pytest.mark.parametrize("kind", [DeepgramSynthesizer, DeepgramSpeech])
async def test_what_clients_ask_for_is_no_name_of_an_account(
    deepgram: DeepgramWire, kind: type[DeepgramSynthesizer | DeepgramSpeech]
) -> None:
    at, options = DeepgramEndpoint(base_url=deepgram.url), SpeakOptions(model="aura-2-thalia-en")
    async with HttpClient.open() as http, open_system(child(kind, http, at, options, name="mouth")) as system:
        mouth = system.ref("mouth")
        assert await say(mouth, "Hello.", request=Synthesize(voice="aura-2-apollo-en"))
        assert (await accounts(mouth)).keys() == {"", "aura-2-thalia-en"}


async def test_sockets_are_connections_too(deepgram: DeepgramWire) -> None:
    meter = Meter()
    url = f"{deepgram.url}/v1/speak?model=aura-2-thalia-en"
    where = SocketRequest.of(HttpRequest(method="GET", url=url))
    for count in (1, 2):
        with fail_after(60):
            async with connect(where, provider="wire", deadlines=Deadlines(), meter=meter):
                assert meter.connects.count == count
