import json
from typing import Any
from urllib.request import urlopen

import pytest
from sdk import official, unknown_members

openai: Any = official("openai")


def test_health_and_models(client: Any, whisper: str) -> None:
    with urlopen(f"http://{whisper}/health") as answer:
        assert json.load(answer) == {"status": "ok", "model": "sphinx"}
    (model,) = client.models.list()
    assert client.models.retrieve("sphinx") == model
    assert not list(unknown_members(model))
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("Systran/other")
    assert caught.value.code == "model_not_found"


def test_what_is_not_there_is_refused_in_the_same_words(client: Any) -> None:
    for call, status in ((client.files.list, 404), (lambda: client.get("/audio/transcriptions", cast_to=object), 405)):
        with pytest.raises(openai.APIStatusError) as caught:
            call()
        assert caught.value.status_code == status
        assert caught.value.type == "invalid_request_error"
