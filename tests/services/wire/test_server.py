"""What a wire server does with connections: it breaks them, holds them, and notices when they end."""

import http.client
import socket
import time
from contextlib import closing

import httpx2
import msgspec
import pytest
from troupe.services.wire import Cut, Drip, End, Late, Refuse, Reset, Stall
from troupe.services.wire.openai import OpenAiWire

SPEECH = "/v1/audio/speech"
TONE = {"model": "tts-1", "input": "a" * 100, "voice": "alloy", "response_format": "pcm"}
BYTES = 100 * 2880


def read(wire: OpenAiWire) -> bytes:
    """Read a tone; what came before an error is in the error's arguments."""
    got = bytearray()
    with httpx2.stream("POST", wire.url + SPEECH, json=TONE) as response:
        try:
            for chunk in response.iter_raw():
                got += chunk
        except httpx2.TransportError as error:
            raise type(error)(bytes(got)) from None
    return bytes(got)


def test_a_good_answer_is_served_and_recorded(wire: OpenAiWire) -> None:
    assert len(read(wire)) == BYTES
    exchange = wire.last(SPEECH)
    assert exchange.ended.wait(1)
    assert (exchange.outcome, exchange.sent) == ("served", BYTES)
    assert (exchange.method, exchange.json()) == ("POST", TONE)
    assert exchange.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("fault", "error"), [(Reset(10_001), httpx2.ReadError), (Cut(10_001), httpx2.RemoteProtocolError)]
)
def test_a_connection_breaks_after_the_very_byte(wire: OpenAiWire, fault: Reset | Cut, error: type[Exception]) -> None:
    wire.fail(SPEECH, fault)
    with pytest.raises(error) as caught:
        read(wire)
    assert len(caught.value.args[0]) == 10_001
    exchange = wire.last(SPEECH)
    assert exchange.ended.wait(1)
    assert (exchange.outcome, exchange.sent) == ("broken", 10_001)


def test_an_early_end_is_no_error_for_http(wire: OpenAiWire) -> None:
    wire.fail(SPEECH, End(7))
    assert len(read(wire)) == 7


def test_faults_are_for_one_request_each(wire: OpenAiWire) -> None:
    wire.fail(SPEECH, Refuse(500))
    wire.fail(SPEECH)
    wire.fail(SPEECH, Refuse(429, retry_after=2))
    url = wire.url + SPEECH
    answers = [httpx2.post(url, json=TONE) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [500, 200, 429, 200]
    assert answers[2].headers["retry-after"] == "2"
    assert answers[0].json()["error"]["type"] == "server_error"


def test_a_stall_holds_the_connection_until_the_client_leaves(wire: OpenAiWire) -> None:
    wire.fail(SPEECH, Stall(after=2))
    with httpx2.stream("POST", wire.url + SPEECH, json=TONE, timeout=0.2) as response:
        with pytest.raises(httpx2.ReadTimeout):
            response.read()
        assert wire.last(SPEECH).outcome == "under way"
    assert wire.last(SPEECH).ended.wait(2)
    assert wire.last(SPEECH).outcome == "left"


def test_a_late_answer_is_left_alike(wire: OpenAiWire) -> None:
    wire.fail(SPEECH, Late())
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(wire.url + SPEECH, json=TONE, timeout=0.1)
    assert wire.last(SPEECH).ended.wait(2)
    assert (wire.last(SPEECH).outcome, wire.last(SPEECH).sent) == ("left", 0)


def test_a_drip_takes_its_time(wire: OpenAiWire) -> None:
    wire.fail(SPEECH, End(20), Drip(size=2, seconds=0.01))
    started = time.perf_counter()
    assert len(read(wire)) == 20
    assert time.perf_counter() - started >= 0.1


def test_a_client_that_does_not_read_holds_the_server_back(wire: OpenAiWire) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(wire.url.rpartition(":")[2]))
    long = msgspec.json.encode(TONE | {"input": "a" * 4096})
    with closing(connection):
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        connection.request("POST", SPEECH, long, {"content-type": "application/json"})
        total = 4096 * 2880
        response = connection.getresponse()
        response.read(1000)
        exchange, before = wire.last(SPEECH), -1
        while exchange.sent != before:  # until no more goes out
            before = exchange.sent
            time.sleep(0.05)
        assert exchange.outcome == "under way"
        assert exchange.sent < total / 4
    assert exchange.ended.wait(2)
    assert exchange.outcome == "left"


def test_requests_of_one_connection_can_be_told(wire: OpenAiWire) -> None:
    with httpx2.Client() as client:
        for _ in range(2):
            client.get(f"{wire.base_url}/models")
    httpx2.get(f"{wire.base_url}/models")
    first, second, other = (exchange.connection for exchange in wire.exchanges)
    assert first == second != other
