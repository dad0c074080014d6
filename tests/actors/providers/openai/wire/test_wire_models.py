"""The list of models."""

import pytest
from troupe.actors.contracts import Model
from troupe.actors.errors import BrokenStream
from troupe.actors.providers.openai.wire.models import decode_models


def test_a_list() -> None:
    body = b'{"object":"list","data":[{"id":"a/b","owned_by":"x","shutdown_date":"2027-01-14"},{"id":"c","created":1}]}'
    assert decode_models(body, "wire") == (Model("a/b", "x", "2027-01-14"), Model("c"))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"data":[{}]}', b"<p>"])
def test_what_is_no_list(body: bytes) -> None:
    with pytest.raises(BrokenStream, match="makes no sense"):
        decode_models(body, "wire")
