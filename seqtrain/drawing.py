"""Matplotlib with its own defaults, and fonts for all scripts.

A user's `matplotlibrc` may be damaged or name a package that is not installed, and a picture must
never cost a training. So this module is always the first to import matplotlib.
"""

import logging
import os
import re
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtrain.errors import DrawingError, SeqtrainError

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

log = logging.getLogger(__name__)

VARIABLES = ("MPLBACKEND", "MATPLOTLIBRC")  # by which a person chooses for matplotlib

_known: dict[str, str | None] = {}  # the family of an installed font that draws a character


def reason(error: Exception) -> str:
    """Return the first line of what went wrong."""
    lines = str(getattr(error, "strerror", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _import_matplotlib() -> None:
    """Import matplotlib from the folder of its own defaults, because it reads the working folder.

    Raises:
        DrawingError: it cannot be imported.
    """
    before = {name: os.environ.pop(name, None) for name in VARIABLES}
    spec = find_spec("matplotlib")
    with _quiet(), ExitStack() as stack:
        if spec and spec.origin:
            defaults = Path(spec.origin).parent / "mpl-data"
            os.environ["MATPLOTLIBRC"] = str(defaults)  # where the working folder is gone
            with suppress(OSError):
                stack.enter_context(chdir(defaults))
        try:
            import matplotlib.figure  # noqa: F401
        except Exception as error:
            raise DrawingError(f"matplotlib cannot be imported: {reason(error)}") from error
        finally:
            os.environ.pop("MATPLOTLIBRC", None)
            os.environ.update({name: value for name, value in before.items() if value is not None})


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop matplotlib's warnings while the body runs."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


_import_matplotlib()

STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.hashsalt": "seqtrain",
    "text.parse_math": False,  # a class may be called `$5 to $10`
}
FALLBACK = "DejaVu Sans"  # comes with matplotlib, and has more letters than its monospaced kin
JOINED = re.compile(":[\ufe0e\ufe0f\u200d]+")  # the name of an emoji, and its joiners
# Fonts with placeholder glyphs or glyphs for wrong letters.
NO_LETTERS = ("last resort", "lastresort", "adobe blank", "cm", "stixsize", "stixnonunicode")
WRITTEN_OUT = 40  # characters of a text that is written out
NAMED = 5  # letters that are named where no font has them
REGULAR = 400  # the weight of ordinary letters
SIZE = 12  # points at which a glyph is tried


@contextmanager
def styled() -> Iterator[None]:
    """Use our style and matplotlib's own defaults in the body, without warnings."""
    import matplotlib

    with _quiet(), matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of glyphs, and of a lack of room
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


@contextmanager
def picture(name: str) -> Iterator[None]:
    """Draw a picture in our style in the body.

    Raises:
        DrawingError: anything failed; matplotlib fails in many ways. It names the picture.
    """
    try:
        with styled():
            yield
    except SeqtrainError:
        raise
    except Exception as error:
        raise DrawingError(f"{name} could not be drawn: {reason(error)}") from error


def drawable(words: Sequence[str]) -> list[str]:
    """Return words as they will be drawn, for layouts that depend on their lengths."""
    lacking = {letter for letter in "".join(words) if ord(letter) not in _letters_of(FALLBACK)}
    lacking -= installed(lacking).keys()
    return [written_out(word, lacking) for word in words]


def make_legible(figure: "Figure", fonts: bool = True) -> bool:
    """Give each text of a figure fonts for all its letters; write out letters that no font has.

    Args:
        figure: the figure, just before it is saved.
        fonts: search the installed fonts; else write out all missing letters.

    Returns:
        Whether there was anything to do.
    """
    from matplotlib.text import Text

    foreign = [
        (text, lacking)
        for text in figure.findobj(Text)
        if isinstance(text, Text) and (lacking := _lacking(text))
    ]
    wanted: frozenset[str] = frozenset().union(*(lacking for _, lacking in foreign))
    families = installed(wanted) if fonts else {}
    for text, lacking in foreign:
        own = dict.fromkeys([*text.get_fontfamily(), FALLBACK])
        found = dict.fromkeys(families[letter] for letter in sorted(lacking & families.keys()))
        text.set_fontfamily([*own, *found] if fonts else list(own)[:1])
        text.set_text(written_out(text.get_text(), lacking - families.keys()))
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            _write_out_ticks(axis, wanted - families.keys())
    return bool(foreign)


def _write_out_ticks(axis: "Axis", lacking: Iterable[str]) -> None:
    """Write out the tick labels of an axis, which are set anew when it is drawn."""
    names = [label.get_text() for label in axis.get_ticklabels()]
    written = [written_out(name, lacking) for name in names]
    if written != names:
        axis.set_ticklabels(written)


def written_out(text: str, lacking: Iterable[str]) -> str:
    r"""Replace some characters of a text by ASCII.

    An emoji becomes its name, `:thumbs up sign:`, a letter its code point, `\u597d`. A text that
    becomes too long is cut.
    """
    table = {ord(letter): _in_letters(letter) for letter in lacking}
    lines = [(JOINED.sub(":", line.translate(table)), len(line)) for line in text.split("\n")]
    return "\n".join(_cut(*line) for line in lines)


def _cut(line: str, length: int) -> str:
    """Cut a line to its length before, or to `WRITTEN_OUT`."""
    most = max(length, WRITTEN_OUT)
    return line if len(line) <= most else line[: most - 1] + "…"


def _in_letters(character: str) -> str:
    name = unicodedata.name(character, "").lower()
    if name and unicodedata.category(character) == "So":
        return f":{name}:"
    return character.encode("unicode_escape").decode()


def _lacking(text: "Text") -> frozenset[str]:
    """Return the characters of a text that its own font and the fallback lack."""
    letters = {letter for letter in text.get_text() if not letter.isascii()}
    if not letters or not text.get_visible():
        return frozenset()
    own = _letters_of(text.get_fontfamily()[0]) | _letters_of(FALLBACK)
    return frozenset(letter for letter in letters if ord(letter) not in own)


@lru_cache
def _letters_of(family: str) -> frozenset[int]:
    """Return the code points that a font of matplotlib's own has."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family=[family]))).get_charmap())


def installed(letters: Iterable[str]) -> dict[str, str]:
    """Return, for each character, the family of an installed font that can draw it."""
    new = set(letters) - _known.keys()
    for family, path in _families().items() if new else ():
        drawn = _drawn_by(path, new)
        _known.update(dict.fromkeys(drawn, family))
        new.difference_update(drawn)
        if not new:
            break
    if new and None not in _known.values():
        some = ", ".join(sorted(new)[:NAMED])
        log.info("pictures write out what no installed font draws, such as %s", some)
    _known.update(dict.fromkeys(new))
    return {letter: found for letter in letters if (found := _known[letter])}


@lru_cache
def _families() -> dict[str, str]:
    """Return the file of the regular face of each installed family, sans serif first."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}  # of a list that may be old
    for path in findSystemFonts():
        if path not in known:
            with suppress(Exception):  # a damaged font
                fontManager.addfont(path)
    faces = [font for font in fontManager.ttflist if not font.name.lower().startswith(NO_LETTERS)]
    faces.sort(key=lambda font: (font.style != "normal", abs(_weight(font.weight) - REGULAR)))
    regular = {font.name: font.fname for font in reversed(faces)}
    return dict(sorted(regular.items(), key=lambda one: ("sans" not in one[0].lower(), one[0])))


def _weight(weight: Any) -> int:
    from matplotlib.font_manager import weight_dict

    return weight if isinstance(weight, int) else weight_dict.get(weight, REGULAR)


def _drawn_by(path: str, letters: Iterable[str]) -> list[str]:
    """Return the characters that a font really draws."""
    from matplotlib.ft2font import FT2Font

    drawn: list[str] = []
    with suppress(Exception):  # a damaged font, or one of bitmaps
        font = FT2Font(path)
        font.set_size(SIZE, 72)
        for letter in letters:
            if font.get_char_index(ord(letter)):
                font.load_char(ord(letter))
                drawn.append(letter)
    return drawn
