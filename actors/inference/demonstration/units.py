"""Conversion between units of measurement: "how many feet are in ten metres", "20 degrees celsius in fahrenheit"."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from . import arithmetic, spoken_numbers


class Unit(NamedTuple):
    """A unit: ``amount * size + offset`` is the amount in its dimension's base unit."""

    dimension: str
    plural: str
    size: Fraction
    offset: Fraction = Fraction(0)


# For each dimension: the names of a unit (singular, plural, others) and its size in the base unit.
_TABLE: Final = {
    "length": (
        "millimetre millimetres mm 0.001",
        "centimetre centimetres cm 0.01",
        "metre metres 1",
        "kilometre kilometres km 1000",
        "inch inches 0.0254",
        "foot feet ft 0.3048",
        "yard yards 0.9144",
        "mile miles 1609.344",
    ),
    "mass": (
        "gram grams 1",
        "kilogram kilograms kilo kilos kg 1000",
        "tonne tonnes 1000000",
        "ounce ounces 28.349523125",
        "pound pounds lb lbs 453.59237",
        "stone stones 6350.29318",
    ),
    "volume": (
        "millilitre millilitres ml 0.001",
        "litre litres 1",
        "teaspoon teaspoons 0.00492892159375",
        "tablespoon tablespoons 0.01478676478125",
        "cup cups 0.2365882365",
        "pint pints 0.473176473",
        "quart quarts 0.946352946",
        "gallon gallons 3.785411784",
    ),
    "time": (
        "second seconds 1",
        "minute minutes 60",
        "hour hours 3600",
        "day days 86400",
        "week weeks 604800",
    ),
}


def _units() -> dict[str, Unit]:
    """Return the units by all their names, in British and American spelling."""
    celsius = Unit("temperature", "degrees Celsius", Fraction(1), Fraction("273.15"))
    units = {
        "celsius": celsius,
        "centigrade": celsius,
        "fahrenheit": Unit("temperature", "degrees Fahrenheit", Fraction(5, 9), Fraction("459.67") * 5 / 9),
        "kelvin": Unit("temperature", "kelvin", Fraction(1)),
    }
    for dimension, entries in _TABLE.items():
        for entry in entries:
            *names, size = entry.split()
            unit = Unit(dimension, names[1], Fraction(size))
            for name in names:
                units[name] = units[name.replace("tre", "ter")] = unit  # metre and meter, litre and liter
    return units


UNITS: Final = _units()
_AMOUNTS_OF_ONE: Final = ("a", "an", "one")


def convert(words: Sequence[str]) -> str | None:
    """Answer the conversion asked for in `words` (as `heard.words` gives them), or return None if none is.

    The unit with an amount before it is converted to the other; without an amount it is one of the second.
    """
    said = [word for word in words if word not in ("degrees", "degree", "of")]
    places = [place for place, word in enumerate(said) if word in UNITS]
    if len(places) != 2:
        return None
    first, second = (UNITS[said[place]] for place in places)
    if first.dimension != second.dimension or first == second:
        return None
    if (amount := _amount_before(said, places[0])) is not None:
        return _answer(amount, first, second)
    if (amount := _amount_before(said, places[1])) is not None or "many" in said:
        return _answer(Fraction(1) if amount is None else amount, second, first)
    return None


def _amount_before(words: Sequence[str], place: int) -> Fraction | None:
    """Return the number that ends just before `place`."""
    for start in range(max(place - 12, 0), place):
        found = spoken_numbers.read(words, start)
        if found and found[1] == place:
            return found[0]
    return Fraction(1) if place and words[place - 1] in _AMOUNTS_OF_ONE else None


def _answer(amount: Fraction, source: Unit, target: Unit) -> str:
    base = amount * source.size + source.offset
    result = (base - target.offset) / target.size
    verb = "is" if amount == 1 and source.dimension != "temperature" else "are"
    return (
        f"{arithmetic.say(amount)} {_named(amount, source)} {verb} {arithmetic.say(result)} {_named(result, target)}."
    )


def _named(amount: Fraction, unit: Unit) -> str:
    if amount != 1 or unit.dimension == "temperature":
        return unit.plural
    return next(name for name, other in UNITS.items() if other == unit)  # the first name is the singular
