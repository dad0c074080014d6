"""The kinds of providers that a configuration can name: one entry and one small module for each.

To add a kind, say ``deepgram``:

1. An entry in ``kinds.toml``: what it can do (a default model for each part it serves, capabilities for wishes),
   which environment variable has its key, which extra installs it. Nothing of the provider is imported to read that.
2. A module here of the same name, imported when a configuration needs it. For each part it serves it has a function
   that returns how its actor is made, and a struct ``Table`` with what may stand in ``[providers.NAME]``::

       class Table(RemoteTable, frozen=True, kw_only=True):  # with headers and deadlines, see `remote`
           endpointing_ms: int = 300    # a key of the configuration, its type and its default


       def stt(setup: Setup[Table]) -> ActorSpec:
           at = located(setup, DeepgramEndpoint)
           return child(DeepgramTranscription, setup.http, at, setup.model, name=setup.actor)

3. Its rows in ``docs/configuration.md``, which a test compares with the entry and the struct.

Another package brings a kind by an entry point; see `outside`, and ``docs/writing-a-provider.md``.

The actor answers `Transcribe`, `Generate`, `Synthesize`, `Embed` or `MakeImage`. A request's `model` goes before the
one it was made with, so that one actor serves all models of a provider. It answers `ListModels` if that costs nothing
and tells whether the key is good: the server asks when it starts. A synthesizer that does not have a voice raises
`ModelNotFound`, and is asked again for its own.
"""
