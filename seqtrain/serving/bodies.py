"""What requests hold: their keys, types, ranges and defaults, which are those of the commands."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from seqtrain.schema import limits
from seqtrain.serving import sizes

Text = Annotated[str, Field(max_length=sizes.CHARACTERS)]
Step = Annotated[list[float], Field(min_length=1, max_length=sizes.FEATURES)]
Numbers = (
    Annotated[list[float], Field(min_length=1, max_length=sizes.STEPS)]
    | Annotated[list[Step], Field(min_length=1, max_length=sizes.STEPS)]
)
Cell = str | int | float | bool | None
Gates = Annotated[bool, Field(description="give the gates and states of the network too")]


class Body(BaseModel):
    """The body of a request: JSON of exactly these types, without NaN and other keys."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Texts(Body):
    """Texts to answer, one by one."""

    texts: list[Text] = Field(min_length=1, max_length=sizes.EXAMPLES)


class OneText(Body):
    """A text to explain."""

    text: Text


class TextWithGates(OneText):
    """A text to explain, step by step."""

    gates: Gates = True


class Examples(Body):
    """Sequences of numbers, in the units of the data: each (T, F), or (T) for one feature."""

    examples: list[Numbers] = Field(min_length=1, max_length=sizes.EXAMPLES)


class OneExample(Body):
    """A sequence of numbers to explain, in the units of the data."""

    example: Numbers
    gates: Gates = True


class Beginning(Body):
    """A text to go on with."""

    beginning: Text = ""
    length: int = Field(500, ge=1, le=sizes.TOKENS, description="the most tokens of a text")
    temperature: float = Field(
        1.0, ge=0, le=100, description="below 1 prefers what is likely; 0 takes the likeliest"
    )
    top_k: int | None = Field(None, ge=1, le=limits.IDS, description="choose among so many")
    top_p: float | None = Field(
        None, gt=0, le=1, description="choose among the likeliest with this probability together"
    )
    seed: int = Field(0, ge=0, le=limits.SEED, description="decides what is drawn")
    stop: Text | None = Field(None, description="text with which to end, if it comes")
    texts: int = Field(1, ge=1, le=sizes.WRITTEN, description="number of texts")
    stream: bool = Field(
        False, description="give each token as a line of JSON as soon as it is written"
    )


class Sources(Texts):
    """Texts to translate."""

    beams: int = Field(1, ge=1, le=sizes.BEAMS, description="targets that are written at once")
    number: int = Field(1, ge=1, le=sizes.BEAMS, description="translations of each, up to `beams`")
    length_penalty: float = Field(0.6, ge=0, le=10, description="how much longer ones count")
    copy_unknown: bool = Field(False, description="copy unknown tokens from the source")


class Horizon(Body):
    """A forecast from the end of the series of the run."""

    steps: int | None = Field(
        None, ge=1, le=sizes.HORIZON, description="how many; null is the horizon of the run"
    )


class NewerSeries(Horizon):
    """A forecast from the end of the series of the run, or of newer rows."""

    rows: list[dict[str, Cell]] | None = Field(
        None,
        min_length=1,
        max_length=sizes.ROWS,
        description="newer values: rows with the columns of the run's data",
    )


class Origin(Body):
    """A forecast to explain: that of a test origin."""

    example: int = Field(1, ge=1, le=limits.COUNT, description="origin of the test part, from 1")


class OriginOrRows(Origin):
    """A forecast to explain: that of a test origin, or that from the end of newer rows."""

    example: int = Field(
        1, ge=1, le=limits.COUNT, description="origin of the test part; or series of `rows`"
    )
    rows: list[dict[str, Cell]] | None = Field(None, min_length=1, max_length=sizes.ROWS)
