"""An endpoint is made of what a table says and of what its kind sends anyway."""

from typing import Any

from troupe.actors.providers.cartesia.endpoint import VERSION, CartesiaEndpoint
from troupe.services.kinds import cartesia
from troupe.services.kinds.kind import Setup
from troupe.services.kinds.remote import located


def setup(table: cartesia.Table) -> Setup[cartesia.Table]:
    nothing: Any = None
    return Setup(kind=nothing, provider="mine", actor="tts", table=table, key=nothing, model="sonic-3", http=nothing)


def test_headers_of_the_table_come_to_those_of_the_kind() -> None:
    assert located(setup(cartesia.Table()), CartesiaEndpoint).headers == {"cartesia-version": VERSION}
    more = located(setup(cartesia.Table(headers={"x-more": "1"})), CartesiaEndpoint).headers
    assert more == {"cartesia-version": VERSION, "x-more": "1"}
    other = located(setup(cartesia.Table(headers={"cartesia-version": "2025-01-01"})), CartesiaEndpoint)
    assert other.headers == {"cartesia-version": "2025-01-01"}
    assert located(setup(cartesia.Table(base_url="http://here")), CartesiaEndpoint).base_url == "http://here"
