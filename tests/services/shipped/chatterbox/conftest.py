from collections.abc import Iterator
from typing import Any

import pytest
from sdk import official

openai: Any = official("openai")


@pytest.fixture
def client(chatterbox: str) -> Iterator[Any]:
    """OpenAI's own client."""
    with openai.OpenAI(base_url=f"{chatterbox}/v1", api_key="none", max_retries=0) as client:
        yield client
