"""Who is there: by path and by capability, through restarts, until the end."""

import pytest
from stage import TEMPORARY, Fail, Quit, Stage, WhichLife, Work
from troupe.runtime import Actor, Message, Request, Strategy, child, open_system, supervisor
from troupe.runtime.errors import NoSuchName


class Transcribe(Request[str], frozen=True):
    pass


class Speak(Message, frozen=True):
    pass


class Ears(Actor):
    def transcribe(self, _request: Transcribe) -> str:
        return ""


class Mouth(Actor):
    capabilities = frozenset({"language:de"})

    def speak(self, _message: Speak) -> None: ...


class Head(Ears, Mouth):
    pass


async def test_names_are_paths_through_the_tree() -> None:
    stage = Stage()
    async with open_system(
        supervisor("outer", supervisor("inner", stage.child("a")), stage.child("b")), stage.child("c")
    ) as system:
        assert system.ref("outer/inner/a").name == "outer/inner/a"
        assert system.ref("outer/b").name == "outer/b"
        assert system.ref("c").name == "c"
        assert system.supervisor("outer/inner").path == "outer/inner"
        assert system.supervisor("") is system.root


async def test_name_is_of_one_kind() -> None:
    stage = Stage()
    async with open_system(supervisor("s", stage.child("a")), stage.child("b")) as system:
        for wrong in ("s", "x", "s/x", "", "a"):
            with pytest.raises(NoSuchName, match=f"no actor is at '{wrong}'"):
                system.ref(wrong)
        for wrong in ("b", "s/a", "x"):
            with pytest.raises(NoSuchName, match=f"no supervisor is at '{wrong}'"):
                system.supervisor(wrong)


async def test_name_and_reference_survive_restarts() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        before = system.ref("a")
        await before.tell(Fail())
        assert system.ref("a") is before
        assert await before.ask(WhichLife()) == 2
        assert system.ref("a") is before


async def test_name_goes_with_its_owner() -> None:
    stage = Stage()
    async with open_system(
        supervisor("s", stage.child("a", restart=TEMPORARY), stage.child("b")), stage.child("z"), on_event=stage.event
    ) as system:
        await system.ref("s/a").tell(Quit())
        await system.ref("s/a").wait_ended()
        with pytest.raises(NoSuchName):
            system.ref("s/a")
        await system.root.stop_child("s")
        for path in ("s/a", "s/b"):
            with pytest.raises(NoSuchName):
                system.ref(path)
        with pytest.raises(NoSuchName):
            system.supervisor("s")
    with pytest.raises(NoSuchName):
        system.ref("z")
    with pytest.raises(NoSuchName):
        system.supervisor("")
    assert system.find(WhichLife) == []


async def test_restarted_child_takes_its_name_again() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        old = system.ref("a")
        await system.root.stop_child("a")
        with pytest.raises(NoSuchName):
            system.ref("a")
        new = await system.root.restart_child("a")
        assert system.ref("a") is new is not old
        assert old.ended


async def test_found_by_what_they_handle_and_by_words() -> None:
    async with open_system(
        child(Ears, name="ears", capabilities={"language:en"}),
        child(Mouth, name="mouth"),
        child(Head, name="head", capabilities={"fast"}),
    ) as system:

        def names(*capabilities: type[Message] | str) -> list[str]:
            return [ref.name for ref in system.find(*capabilities)]

        assert names(Transcribe) == ["ears", "head"]
        assert names(Speak) == ["mouth", "head"]
        assert names("language:de") == ["mouth", "head"]
        assert names(Transcribe, "fast") == ["head"]
        assert names("language:en", Transcribe) == ["ears"]
        assert names(Transcribe, Speak) == ["head"]
        assert names(Transcribe, "slow") == []
        assert names(Work) == []


async def test_found_in_the_order_in_which_they_were_added_while_they_are_there() -> None:
    async with open_system(supervisor("pool", strategy=Strategy.DYNAMIC), child(Ears, name="z")) as system:
        pool = system.supervisor("pool")
        refs = [await pool.start_child(child(Ears, name=str(number))) for number in range(3)]
        assert system.find(Transcribe) == [system.ref("z"), *refs]
        await pool.stop_child("1")
        assert system.find(Transcribe) == [system.ref("z"), refs[0], refs[2]]


async def test_actor_that_restarts_is_still_found() -> None:
    stage = Stage()
    async with open_system(stage.child("a", capabilities={"it"}), on_event=stage.event) as system:
        system.ref("a").tell_nowait(Fail())
        assert system.find("it") == [system.ref("a")]
        assert await system.find("it")[0].ask(WhichLife()) == 2
