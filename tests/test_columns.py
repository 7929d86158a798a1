"""Tables of text."""

from seqtrain.display.columns import table


def test_columns_of_numbers_are_aligned_to_the_right() -> None:
    rows = [["a", "1,234.5"], ["b", "-0.25"], ["c", "9.6e-04"], ["d", ""]]
    found = table(["name", "score"], rows)
    assert found.splitlines() == [
        "name    score",
        "a     1,234.5",
        "b       -0.25",
        "c     9.6e-04",
        "d",
    ]


def test_a_column_with_words_is_aligned_to_the_left() -> None:
    assert table(["x"], [["10"], ["10 a"]]).splitlines() == ["x", "10", "10 a"]


def test_wide_letters_take_two_columns() -> None:
    found = table(["class", "n"], [["好评", "1"], ["👍", "20"], ["e\u0301", "3"], ["abcdef", "4"]])
    assert found.splitlines() == [
        "class    n",
        "好评     1",
        "👍      20",
        "e\u0301        3",
        "abcdef   4",
    ]
