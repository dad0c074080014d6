"""What another connection is told, event by event; without any."""

from typing import Any

from speech_to_speech import BY_HAND, said
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
)
from troupe.actors.realtime.responses import Response, ResponseAudio, ResponseOutput
from troupe.actors.realtime.session_config import Pcm
from troupe.actors.speech_to_speech.retelling import Retelling

AUDIO = ResponseAudio(output=ResponseOutput(format=Pcm(), voice="alloy"))
PICTURE = InputImage(image_url="data:image/png;base64,AAAA")


def added(retelling: Retelling, item: Item, **more: Any) -> None:
    retelling.told(server.ConversationItemAdded(item=item, **more))
    retelling.told(server.ConversationItemDone(item=item, **more))


def opening(retelling: Retelling) -> list[Any]:
    assert list(retelling.lost()) == []
    return list(retelling.opening())


def items(events: list[Any]) -> list[Item]:
    return [event.item for event in events if isinstance(event, client.ConversationItemCreate)]


def test_a_first_connection_is_told_nothing() -> None:
    assert opening(Retelling(BY_HAND)) == []


def test_pictures_and_sound_are_told_as_their_client_has_sent_them() -> None:
    retelling = Retelling(BY_HAND)
    parts = (InputText(text="what is this"), PICTURE, InputAudio(audio=b"\0\1"))
    create = retelling.said(client.ConversationItemCreate(item=Message(id="item_1", role="user", content=parts)))
    assert create.event_id
    added(retelling, Message(id="item_1", role="user", content=(parts[0],)))  # servers leave out what is large
    (told,) = items(opening(retelling))
    assert isinstance(told, Message)
    assert told.content == parts


def test_items_are_told_in_their_order_without_those_that_were_deleted() -> None:
    retelling = Retelling(BY_HAND)
    for name, previous in (("a", None), ("c", "a"), ("b", "a"), ("d", "c")):
        item = Message(id=name, role="user", content=(InputText(text=name),))
        added(retelling, item, previous_item_id=previous)
    retelling.told(server.ConversationItemDeleted(item_id="c"))
    assert [item.id for item in items(opening(retelling))] == ["a", "b", "d"]


def test_what_was_told_again_is_not_told_on_once() -> None:
    retelling = Retelling(BY_HAND)
    added(retelling, item := Message(id="a", role="user", content=(InputText(text="a"),)))
    opening(retelling)
    for event in (server.ConversationItemAdded(item=item), server.ConversationItemDone(item=item)):
        assert retelling.told(event) is None
        assert retelling.told(event) == event


def test_a_result_without_its_call_and_a_call_without_its_end_are_not_told() -> None:
    retelling = Retelling(BY_HAND)
    added(retelling, FunctionCall(id="f", name="f", call_id="call_1", arguments="{}"))
    added(retelling, FunctionCallOutput(id="o", call_id="call_1", output="7"))
    added(retelling, FunctionCall(id="g", name="g", call_id="call_2", arguments="{", status="incomplete"))
    added(retelling, FunctionCallOutput(id="p", call_id="call_2", output="8"))
    assert [item.id for item in items(opening(retelling))] == ["f", "o"]


def test_the_assistant_s_speech_is_told_as_text_and_its_silence_not_at_all() -> None:
    retelling = Retelling(BY_HAND)
    added(retelling, Message(id="a", role="assistant", content=(OutputAudio(transcript="hello"),)))
    added(retelling, Message(id="b", role="assistant", content=()))
    added(retelling, Message(id="c", role="assistant", content=(OutputAudio(),)))
    (told,) = items(opening(retelling))
    assert isinstance(told, Message)
    assert told.content == (OutputText(text="hello"),)


def test_a_mistake_in_what_was_told_again_is_nobody_s_business() -> None:
    retelling = Retelling(BY_HAND)
    added(retelling, Message(id="a", role="user", content=(InputText(text="a"),)))
    (create,) = opening(retelling)
    details = server.ErrorDetails(type="invalid_request_error", code="x", message="", event_id=create.event_id)
    assert retelling.told(server.ErrorEvent(error=details)) is None


def created(retelling: Retelling, name: str) -> Any:
    return retelling.told(response.ResponseCreated(response=Response(id=name, audio=AUDIO)))


def test_a_cancelled_answer_that_nobody_has_heard_of_is_not_asked_for_again() -> None:
    retelling = Retelling(BY_HAND)
    retelling.said(client.ResponseCreate())
    assert created(retelling, "resp_1") is not None
    retelling.said(client.ResponseCancel())
    (done,) = retelling.lost()
    assert isinstance(done, response.ResponseDone)
    assert done.response.status == "cancelled"
    assert list(retelling.opening()) == []


def test_an_answer_under_another_name_can_be_cancelled_by_the_one_that_is_known() -> None:
    retelling = Retelling(BY_HAND)
    retelling.said(client.ResponseCreate())
    created(retelling, "resp_1")
    (again,) = opening(retelling)
    assert isinstance(again, client.ResponseCreate)
    assert created(retelling, "resp_2") is None
    text = retelling.told(response.ResponseOutputTextDelta(response_id="resp_2", item_id="i", delta="a"))
    assert isinstance(text, response.ResponseOutputTextDelta)
    assert text.response_id == "resp_1"
    cancel = retelling.said(client.ResponseCancel(response_id="resp_1"))
    assert isinstance(cancel, client.ResponseCancel)
    assert cancel.response_id == "resp_2"
    done = retelling.told(response.ResponseDone(response=Response(id="resp_2", status="cancelled", audio=AUDIO)))
    assert isinstance(done, response.ResponseDone)
    assert done.response.id == "resp_1"


def test_what_was_answered_is_not_asked_again_and_what_was_not_is() -> None:
    retelling = Retelling(BY_HAND)
    first, second = said("a"), said("b")
    for event in (first, second, client.ConversationItemDelete(item_id="z"), client.InputAudioBufferClear()):
        retelling.said(event)
    retelling.told(server.ConversationItemAdded(item=first.item))
    retelling.told(server.InputAudioBufferCleared())
    assert [type(event) for event in retelling.lost()] == [server.ConversationItemDone]  # which is still to be said
    told = list(retelling.opening())
    assert [type(event) for event in told] == [
        client.ConversationItemCreate,
        client.ConversationItemCreate,
        client.ConversationItemDelete,
    ]
    assert [item.id for item in items(told)] == [first.item.id, second.item.id]
