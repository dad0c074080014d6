"""``troupe wire``: a server that speaks a provider's protocol, without the provider; see `troupe.services.wire`."""

from pkgutil import iter_modules

from cyclopts import App

from .. import wire as servers

wire = App(
    name="wire",
    help="Speak a provider's protocol on loopback, without any model behind it, for trying out clients of it.",
)
for module in iter_modules(servers.__path__):
    if module.ispkg:
        wire.command(f"{servers.__name__}.{module.name}.__main__:serve", name=module.name)  # imported when it is run
