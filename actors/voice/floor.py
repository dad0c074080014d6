"""Who has the floor: what follows from what the detector decides about the user's turns.

Three things make it more than a list of what to do. A sound while the assistant speaks may be no interruption: then the
assistant has only paused, and the client never hears of it (see `interruption`). An answer may be begun before the turn
has ended (see `response`). And turns that end while an answer is under way, where speech does not interrupt, are
answered after it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from anyio import move_on_after

from ...codecs.turn_table import (
    Agent,
    Decision,
    Dropped,
    Ended,
    IdleTimeout,
    Interrupted,
    MaybeEnded,
    Resumed,
    SpeechStarted,
)
from ..realtime import server_events as server
from ..realtime import session_config as config
from ..realtime.responses import ResponseOptions
from .ear import RATE, milliseconds
from .input_buffer import LEAST_SPEECH
from .interruption import Doubt
from .plan import plan
from .response import ResponseRun, same_words
from .utterance import Utterance

if TYPE_CHECKING:
    from .session import VoiceSession

SPECULATIONS: Final = 3
"""Answers that are begun on guesses for one turn at most: somebody who pauses at every word would cost a lot."""


class _Doubted:
    """An utterance that may be an interruption, and what the detector has decided about it in the meantime."""

    def __init__(self, utterance: Utterance, doubt: Doubt, onset: int, tell: server.ServerEvent) -> None:
        self.utterance = utterance
        self.doubt = doubt
        self.onset = onset
        self.tell = tell
        self.ended: Ended | None = None


class Floor:
    """Turn-taking in one session.

    Args:
        session: Whose floor it is.
    """

    def __init__(self, session: "VoiceSession") -> None:
        self._session = session
        self._services = session.services
        self._doubted: _Doubted | None = None
        self._guess: ResponseRun | None = None
        self._guessed = 0
        self._next: Callable[[], None] | None = None
        """What is due when the answer that is under way has ended."""
        self.active: ResponseRun | None = None
        """The response of the conversation that is under way."""
        self.playing: ResponseRun | None = None
        """The one that is being heard; that goes on for a while after its last event."""

    # -- what the detector says ------------------------------------------------------------------------------------

    def decide(self, decisions: Sequence[Decision]) -> None:
        """Act on decisions, in their order."""
        for decision in decisions:
            match decision:
                case SpeechStarted():
                    interrupts = any(isinstance(each, Interrupted) for each in decisions)
                    self._started(decision, interrupts=interrupts)
                case Interrupted():
                    pass  # comes right after the start, which has looked for it
                case MaybeEnded():
                    self._speculate()
                case Resumed():
                    self.discard_guess()
                case Ended():
                    self._ended(decision)
                case Dropped():
                    self._session.input.drop()
                    self._give_back()
                case IdleTimeout():
                    self._idle(decision)
                case _:
                    assert_never(decision)
        if self._doubted is not None and self._doubted.ended is None and self._session.input.speaking:
            voice = (self._session.input.voice - self._doubted.onset) / RATE
            if self._doubted.doubt.voice(voice):
                self._interrupt()

    def understood(self, utterance: Utterance) -> None:
        """An utterance is understood a little further."""
        doubted = self._doubted
        if doubted is not None and doubted.utterance is utterance and doubted.doubt.partial(utterance.partial):
            self._interrupt()
        if utterance is self._session.input.utterance and self._session.input.pausing:
            self._speculate()

    def _started(self, started: SpeechStarted, *, interrupts: bool) -> None:
        session = self._session
        self._guessed = 0
        if self._doubted is not None:  # somebody who goes on does want the floor
            self._interrupt()
        start = session.input.absolute(started.start)
        utterance = session.input.begin(start, session.input.judged)
        tell = server.InputAudioBufferSpeechStarted(audio_start_ms=milliseconds(start), item_id=utterance.item_id)
        rules = self._services.interruption
        if not interrupts or rules.at_once:
            session.emit(tell)
            if interrupts:
                self._stop_speaking()
            return
        onset = session.input.judged - LEAST_SPEECH
        self._doubted = _Doubted(utterance, Doubt(rules), onset, tell)
        for run in self.speaking():
            run.pause()

    def client_speaks(self) -> None:
        """The client's own recogniser hears somebody; for clients that send no audio, from which that could be seen."""
        session = self._session
        if session.input.utterance is not None or not session.input.manual:
            return
        self.discard_guess()
        position = session.input.position
        utterance = session.input.begin(position, position)
        onset = milliseconds(position)
        session.emit(server.InputAudioBufferSpeechStarted(audio_start_ms=onset, item_id=utterance.item_id))
        self._stop_speaking()

    def client_has_spoken(self) -> None:
        """The client's own recogniser says that the turn is over."""
        if self._session.input.manual and (utterance := self._session.input.take()) is not None:
            self._turn_over(utterance, self._session.input.position, respond=True)

    def _ended(self, ended: Ended) -> None:
        session = self._session
        doubted = self._doubted
        if doubted is not None:
            doubted.ended = ended
            session.input.take()
            session.context.start_soon(self._settle, doubted)
            return
        utterance = session.input.take()
        if utterance is None:  # the client cleared its buffer in the meantime
            return
        self._turn_over(utterance, session.input.absolute(ended.position), respond=ended.respond)

    def _turn_over(self, utterance: Utterance, stop: int, *, respond: bool) -> None:
        session = self._session
        session.emit(server.InputAudioBufferSpeechStopped(audio_end_ms=milliseconds(stop), item_id=utterance.item_id))
        guess, self._guess = self._guess, None
        session.commit(utterance)
        if not (respond and isinstance(session.config, config.RealtimeSession)):
            if guess is not None:
                self._throw_away(guess)
            return
        self._services.tally.turns += 1
        if guess is not None:
            session.start(guess, utterance)
        else:
            if self.active is not None and self._may_interrupt:
                self.active.cancel("turn_detected")
            self._when_free(partial(self._answer, utterance))

    @property
    def _may_interrupt(self) -> bool:
        detection = self._session.config.audio.input.turn_detection
        return detection is None or detection.interrupt_response is not False

    def _answer(self, utterance: Utterance) -> None:
        session = self._session
        if isinstance(session.config, config.RealtimeSession):
            session.start(
                ResponseRun(session, plan(session.config, ResponseOptions(), session.history), turn=utterance)
            )

    def _idle(self, idle: IdleTimeout) -> None:
        """Nobody has said anything for a while: that is a turn, too, of which there is nothing to hear."""
        session = self._session
        start, stop = session.input.absolute(idle.start), session.input.absolute(idle.position)
        session.commit_silence(milliseconds(start), milliseconds(stop))
        detection = session.config.audio.input.turn_detection
        answers = detection is not None and detection.create_response is not False
        if answers and self.active is None and isinstance(session.config, config.RealtimeSession):
            session.respond(None)

    # -- interruption ----------------------------------------------------------------------------------------------

    def speaking(self) -> set[ResponseRun]:
        """Return the responses of the conversation that are under way or being heard."""
        return {run for run in (self.active, self.playing) if run is not None}

    def _stop_speaking(self) -> None:
        runs = self.speaking()
        if runs:
            self._services.tally.interruptions += 1
        for run in runs:
            run.interrupt()

    def _interrupt(self) -> None:
        """The doubted sound is an interruption: tell the client now what it was spared."""
        doubted, self._doubted = self._doubted, None
        if doubted is None:
            return
        self._session.emit(doubted.tell)
        self._stop_speaking()
        if doubted.ended is not None:
            stop = self._session.input.absolute(doubted.ended.position)
            self._when_free(partial(self._turn_over, doubted.utterance, stop, respond=doubted.ended.respond))

    async def _settle(self, doubted: _Doubted) -> None:
        """The doubted sound is over: find out from its transcript what it was."""
        outcome: str | Exception | None = None
        with move_on_after(self._services.interruption.undecided):
            outcome = await doubted.utterance.transcript.wait()
        if self._doubted is not doubted:
            return  # somebody went on speaking
        if doubted.doubt.final(outcome if isinstance(outcome, str) else None):
            self._interrupt()
            return
        self._services.tally.backchannels += 1
        self._give_back()

    def _give_back(self) -> None:
        """The doubted sound was nothing: the assistant goes on."""
        doubted, self._doubted = self._doubted, None
        if doubted is None:
            return
        self._session.recordings.forget(doubted.utterance.item_id)
        for run in self.speaking():
            run.resume()
        self._tell_detector()

    def clear(self) -> None:
        """The client throws its buffer away, a doubted sound with it."""
        self._give_back()
        self.discard_guess()

    def commit(self) -> None:
        """The client ends the turn: it knows that it is one."""
        self.discard_guess()
        if self._doubted is not None:
            self._interrupt()

    # -- answers before the end ------------------------------------------------------------------------------------

    def _speculate(self) -> None:
        """The turn may have ended: begin to answer what has been understood, unless that has been begun."""
        session = self._session
        utterance, detection = session.input.utterance, session.config.audio.input.turn_detection
        if utterance is None or not utterance.partial.strip():
            return
        if self._guess is not None:
            if same_words(self._guess.guess or "", utterance.partial):
                return
            self.discard_guess()
        busy = self._doubted is not None or self.active is not None or session.transcripts.pending
        answers = detection is not None and detection.create_response is not False
        if busy or not answers or not self._services.speculate or self._guessed >= SPECULATIONS:
            return
        if isinstance(session.config, config.RealtimeSession):
            self._guessed += 1
            wanted = plan(session.config, ResponseOptions(), session.history)
            self._guess = ResponseRun(session, wanted, guess=utterance.partial)
            session.context.start_soon(self._guess.run)

    def discard_guess(self) -> None:
        """What was begun before the end of the turn is void: the user goes on, or something else has changed."""
        if self._guess is not None:
            self._throw_away(self._guess)
            self._guess = None

    def _throw_away(self, guess: ResponseRun) -> None:
        self._services.tally.speculations_discarded += 1
        guess.cancel("turn_detected")

    # -- what the assistant does -----------------------------------------------------------------------------------

    def thinks(self, run: ResponseRun) -> None:
        """A response of the conversation begins."""
        self.active = run
        self._tell_detector()

    def speaks(self, run: ResponseRun) -> None:
        """Its first audio goes out."""
        if self.active is run:
            self.playing = run
            self._tell_detector()

    def ended(self, run: ResponseRun) -> None:
        """It has said its last word; of what it spoke some may still be playing."""
        if self.active is run:
            self.active = None

    def go_on(self) -> None:
        """Do what had to wait for the end of a response."""
        if self.active is None and self._next is not None:
            following, self._next = self._next, None
            following()

    def _when_free(self, following: Callable[[], None]) -> None:
        self._next = following
        self.go_on()

    def fell_silent(self, run: ResponseRun) -> None:
        """Nothing of it is played any more."""
        if self.playing is run:
            self.playing = None
        self._tell_detector()

    def _tell_detector(self) -> None:
        if self._doubted is not None:
            return  # for the detector the assistant has stopped, and it will be told if it goes on
        silent = Agent.IDLE if self.active is None else Agent.THINKING
        self.decide(self._session.input.agent_is(silent if self.playing is None else Agent.SPEAKING))
