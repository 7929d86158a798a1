"""The section `sweep` of a config: which keys are searched, and over which values."""

import itertools
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from seqtrain.display.sentences import listed
from seqtrain.schema import limits
from seqtrain.schema.sections import Count, Epochs, Section

KINDS = ("choice", "range", "log_range", "integer", "log_integer")
WHOLE = ("integer", "log_integer")
LOG = ("log_range", "log_integer")
DIGITS = 4  # significant digits of the numbers that are drawn from a range
MOST_COMBINATIONS = 100_000  # of a grid
NO_LIMIT_KNOWN = None  # the size of a space with a range of real numbers

# Keys that decide which examples are validated, and how the answer is measured.
OF_VALIDATION = (
    *("name", "path", "validation_path", "test_path", "validation", "validation_series", "test"),
    *("split_seed", "generator_seed", "limit", "examples", "test_examples", "train_pairs"),
    *("test_pairs", "drop_repeated", "task", "label_column", "horizon", "classes", "stride"),
)
REFUSED = {
    "name": "names the folder of all trials",
    "seed": "is no setting to choose: `--seeds N` trains the best configuration with N seeds",
    "sweep": "is the search itself",
    "training.monitor": "is what the trials are compared by, so all have the same",
    **{
        f"dataset.{key}": "decides what is validated, so trials could not be compared"
        for key in OF_VALIDATION
    },
}

Values = Mapping[str, Any]
Broken = tuple[tuple[str | int, ...], str]  # the path of a key in `space`, and what is wrong


def _list_as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_CHOICES = Field(min_length=1, max_length=limits.CHOICES)
_TWO = Field(min_length=2, max_length=2)
Number = Annotated[float, Field(ge=-limits.REAL, le=limits.REAL)]
Choices = Annotated[
    tuple[Any, ...],
    _CHOICES,
    BeforeValidator(_list_as_tuple, json_schema_input_type=Annotated[list[Any], _CHOICES]),
]
Ends = Annotated[
    tuple[Number, ...],
    _TWO,
    BeforeValidator(_list_as_tuple, json_schema_input_type=Annotated[list[Number], _TWO]),
]
Whole = Annotated[int, Field(ge=0, le=limits.COUNT)]
WholeEnds = Annotated[
    tuple[Whole, ...],
    _TWO,
    BeforeValidator(_list_as_tuple, json_schema_input_type=Annotated[list[Whole], _TWO]),
]


class Domain(Section):
    """The values of one key. A plain list is short for `choice`."""

    choice: Choices | None = Field(default=None, description="a list of values")
    range: Ends | None = Field(default=None, description="the lowest and the highest number")
    log_range: Ends | None = Field(
        default=None, description="the same; each power of ten is tried equally often"
    )
    integer: WholeEnds | None = Field(
        default=None, description="the lowest and the highest whole number"
    )
    log_integer: WholeEnds | None = Field(
        default=None, description="the same; each doubling is tried equally often"
    )
    step: Count | None = Field(default=None, description="distance between values of `integer`")
    points: Annotated[int, Field(ge=2, le=limits.SIZE)] | None = Field(
        default=None, description="how many values of a range a grid takes"
    )
    when: dict[str, Any] | None = Field(
        default=None,
        description="other keys of the space with a value, or a list of values: only trials "
        "that have these set this key",
    )

    @model_serializer(mode="wrap")
    def _without_nulls(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}

    @property
    def kinds(self) -> list[str]:
        """The kinds of values that are given; one, if the section is valid."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]

    @property
    def kind(self) -> str:
        """The kind of its values."""
        return self.kinds[0]

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest number of a range."""
        low, high = getattr(self, self.kind)
        return low, high

    @property
    def log(self) -> bool:
        """Whether equal ratios count as equal distances."""
        return self.kind in LOG

    def allows(self, key: str) -> list[Any]:
        """Return the values of another key with which this one is set."""
        value = (self.when or {})[key]
        return value if isinstance(value, list) else [value]

    def rounded(self, value: float) -> float:
        """Return a number of a range with few digits, still within the range."""
        low, high = self.ends
        if self.kind in WHOLE:
            return round(value)
        return min(max(float(f"{value:.{DIGITS}g}"), low), high)

    def listed(self) -> list[Any] | None:
        """Return all values in order, or None for a range of real numbers."""
        if self.kind == "choice":
            return list(self.choice or ())
        if self.kind in WHOLE:
            low, high = map(int, self.ends)
            return list(range(low, high + 1, self.step or 1))
        return None

    def grid(self) -> list[Any]:
        """Return the values that a grid takes: all, or `points` at equal distances."""
        every = self.listed()
        if self.points is None or self.kind == "choice":
            return every or []
        low, high = map(math.log, self.ends) if self.log else self.ends
        places = [low + (high - low) * step / (self.points - 1) for step in range(self.points)]
        found = [self.rounded(math.exp(place) if self.log else place) for place in places]
        return list(dict.fromkeys(found))

    def examples(self) -> Iterator[tuple[tuple[str | int, ...], Any]]:
        """Yield the values to validate, each with its path within this section.

        A whole range is allowed if its ends are.
        """
        if self.kind == "choice":
            yield from ((("choice", place), value) for place, value in enumerate(self.choice or ()))
        else:
            yield from (((self.kind, place), value) for place, value in enumerate(self.ends))

    def draw(self, chance: random.Random) -> Any:
        """Draw one of the values."""
        if self.kind == "choice":
            return chance.choice(self.choice or ())
        if self.kind in WHOLE:
            low, high = map(int, self.ends)
            return chance.randrange(low, high + 1, self.step or 1)
        first, last = map(math.log, self.ends) if self.log else self.ends
        place = chance.uniform(first, last)
        return self.rounded(math.exp(place) if self.log else place)


def _short(value: Any) -> Any:
    return {"choice": value} if isinstance(value, list) else value


AnyDomain = Annotated[
    Domain,
    BeforeValidator(_short, json_schema_input_type=Domain | Annotated[list[Any], _CHOICES]),
]


class SweepConfig(Section):
    """What `seqtrain sweep` searches: `docs/sweeps.md`. Other commands ignore this section.

    Each key of `space` is a dotted key of the config. Its values are a list, or one of
    `choice: [a, b]`, `range: [low, high]`, `log_range: [low, high]`, `integer: [low, high]` and
    `log_integer: [low, high]`, with `step`, `points` (values that a grid takes of a range) and
    `when` (values of other keys of the space, without which the key is not set).
    """

    space: Annotated[dict[str, AnyDomain], Field(min_length=1)] = Field(
        description="dotted keys, such as `model.units`, each with its values"
    )
    sampler: Literal["tpe", "random", "grid"] = Field(
        default="tpe",
        description="`tpe` draws near the best trials so far, after 10 random ones (Bergstra et "
        "al. 2011); `random` draws all; `grid` takes every combination in order",
    )
    trials: Count | None = Field(
        default=None,
        description="configurations to train; null is 20, and every combination for `grid`",
    )
    pruning: Literal["median", "halving"] | None = Field(
        default=None,
        description="stop weak trials early: `median` those whose best epoch is worse than "
        "the median of the trials before at the same epoch; `halving` all but the best quarter "
        "after 1, 4, 16, … times `pruning_epochs` (Li et al. 2020); null trains all to their end",
    )
    pruning_epochs: Epochs = Field(default=2, description="epochs before a trial can be pruned")
    pruning_trials: Count = Field(
        default=5, description="of `median`: trials to finish before the first is pruned"
    )


Space = Mapping[str, Domain]


def ordered(space: Space) -> list[str]:
    """Return the keys, each after those that its `when` names.

    Raises:
        ValueError: they wait for one another.
    """
    found: list[str] = []
    left = list(space)
    while left:
        ready = [key for key in left if set(space[key].when or ()) <= set(found)]
        if not ready:
            raise ValueError(listed([f"`{key}`" for key in left], "and"))
        found += ready[:1]
        left.remove(ready[0])
    return found


def active(domain: Domain, values: Values) -> bool:
    """Return whether a trial with these values of other keys also sets this key."""
    return all(
        key in values and _among(values[key], domain.allows(key)) for key in domain.when or ()
    )


def same(first: Any, second: Any) -> bool:
    """Return whether two values are written alike: 1 and true are not."""
    return json.dumps(first) == json.dumps(second)


def _among(value: Any, allowed: Sequence[Any]) -> bool:
    return any(same(value, one) for one in allowed)


def combinations(space: Space, values_of: Callable[[Domain], Sequence[Any]]) -> Iterator[Values]:
    """Yield each combination of values, without the keys whose `when` does not hold."""
    keys = ordered(space)

    def extended(values: dict[str, Any], place: int) -> Iterator[Values]:
        if place == len(keys):
            yield values
            return
        key = keys[place]
        if not active(space[key], values):
            yield from extended(values, place + 1)
            return
        for value in values_of(space[key]):
            yield from extended({**values, key: value}, place + 1)

    return extended({}, 0)


def size(space: Space) -> int | None:
    """Return how many combinations there are; None if too many to count, or without limit."""
    if any(domain.listed() is None for domain in space.values()):
        return NO_LIMIT_KNOWN
    every = combinations(space, lambda domain: domain.listed() or [])
    counted = sum(1 for _ in itertools.islice(every, MOST_COMBINATIONS + 1))
    return counted if counted <= MOST_COMBINATIONS else NO_LIMIT_KNOWN


def with_conditions(space: Space, key: str, value: Any) -> dict[str, Any]:
    """Return a value of a key with values of other keys that its conditions need."""
    values = {key: value}
    waiting = [key]
    while waiting:
        domain = space[waiting.pop()]
        for other in domain.when or ():
            if other not in values:
                values[other] = domain.allows(other)[0]
                waiting.append(other)
    return values


def drawn(space: Space, fixed: Values, chance: random.Random) -> dict[str, Any]:
    """Draw a combination in which some keys have a fixed value."""
    values: dict[str, Any] = {}
    for key in ordered(space):
        if key in fixed or active(space[key], values):
            values[key] = fixed[key] if key in fixed else space[key].draw(chance)
    return values


def broken_rules(sweep: SweepConfig) -> Iterator[Broken]:
    """Yield what is wrong with a search space, whatever the rest of the config says."""
    for key, domain in sweep.space.items():
        if why := REFUSED.get("sweep" if key.partition(".")[0] == "sweep" else key):
            yield (key,), f"cannot be searched: it {why}"
        elif len(domain.kinds) != 1:
            kinds = listed([f"`{kind}`" for kind in KINDS], "or")
            given = [f"`{kind}`" for kind in domain.kinds]
            but = f", not {listed(given, 'and')} at once" if given else ""
            yield (key,), f"needs one of {kinds}{but}"
        else:
            yield from _broken_values(key, domain, sweep)
            yield from _broken_conditions(key, domain, sweep.space)
    known = {*sweep.space}
    try:
        ordered({key: one for key, one in sweep.space.items() if {*(one.when or ())} <= known})
    except ValueError as error:
        yield (), f"the conditions of {error} wait for one another"


def _broken_values(key: str, domain: Domain, sweep: SweepConfig) -> Iterator[Broken]:
    kind = domain.kind
    if kind == "choice":
        values = domain.choice or ()
        for place, value in enumerate(values):
            if _among(value, values[:place]):
                yield (key, kind, place), f"stands twice: {json.dumps(value, ensure_ascii=False)}"
    else:
        low, high = domain.ends
        if low >= high:
            yield (key, kind), f"the first number must be below the second, not {low} and {high}"
        elif domain.log and low <= 0:
            yield (key, kind), f"needs numbers above 0, not {low}"
    if domain.step is not None and kind != "integer":
        yield (key, "step"), "is for `integer`"
    if domain.points is not None and kind == "choice":
        yield (key, "points"), "is for ranges: a grid takes every value of a `choice`"
    elif sweep.sampler == "grid" and kind in ("range", "log_range") and domain.points is None:
        yield (key,), "needs `points`, the number of values that the grid takes of it"


def _broken_conditions(key: str, domain: Domain, space: Space) -> Iterator[Broken]:
    for other in domain.when or ():
        if other not in space:
            yield (key, "when", other), "is not a key of this space, so it never changes"
        elif other == key:
            yield (key, "when", other), "is the key itself"
        elif (values := space[other].choice) is None:
            yield (key, "when", other), "must be a key with a list of values"
        else:
            for value in domain.allows(other):
                if not _among(value, values):
                    shown = json.dumps(value, ensure_ascii=False)
                    yield (key, "when", other), f"{shown} is none of the values of `{other}`"
