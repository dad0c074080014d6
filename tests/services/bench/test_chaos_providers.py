"""Whose turn an exchange serves is known from what is sent in it."""

import msgspec
import pytest
from troupe.services.bench.chaos_providers import Providers, answer_to, words_of
from troupe.services.kinds.kind import Part
from troupe.services.wire.exchange import Exchange

SAID, OTHER = "balapa fakape gimapa doniro", "gulisu bokipi ginore genusa"


def exchange(providers: Providers, name: str, body: bytes = b"") -> Exchange:
    """Return an exchange that a provider has under way."""
    provider = next(each for each in providers.all if each.name == name)
    made = Exchange("POST", provider.path, {}, body, 1)
    provider.server.exchanges.append(made)
    return made


def found(providers: Providers, part: Part, said: str) -> Exchange | None:
    under_way = providers.under_way(part, 3, said)
    return under_way[1] if under_way else None


def test_a_model_is_known_by_what_it_was_told() -> None:
    providers = Providers()
    body = msgspec.json.encode({"messages": [{"role": "user", "content": f"{SAID}."}]})
    told = exchange(providers, "mind-b", body)
    assert found(providers, "llm", SAID) is told
    assert found(providers, "llm", OTHER) is None
    told.ended.set()
    assert found(providers, "llm", SAID) is None


@pytest.mark.parametrize("name", ["mouth-a", "mouth-b"])
def test_a_synthesizer_is_known_by_the_words_it_was_given_last(name: str) -> None:
    providers = Providers()
    given = exchange(providers, name)
    assert found(providers, "tts", SAID) is None
    words = words_of(answer_to(OTHER))
    given.messages.append(msgspec.json.encode({"transcript": " ".join(words)}).decode())
    assert found(providers, "tts", OTHER) is given
    words = words_of(answer_to(SAID))
    given.messages += [f'{{"text": "{word} "}}' for word in words[:2]]
    assert found(providers, "tts", OTHER) is None
    given.messages += [f'{{"text": "{word} "}}' for word in words[2:]]
    assert found(providers, "tts", SAID) is given
    assert found(providers, "tts", OTHER) is None
