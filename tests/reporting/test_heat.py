"""A text coloured by a number for each token."""

from __future__ import annotations

from igsm.reporting.heat import heat_figure, heat_text, lines_of, shade


def test_colours_go_from_white_to_red() -> None:
    assert (shade(0.0), shade(1.0)) == ("#ffffff", "#d64541")
    red, green = (int(shade(0.5)[i : i + 2], 16) for i in (1, 3))
    assert 0xD6 < red < 0xFF
    assert 0x45 < green < 0xFF


def test_lines_end_after_a_sentence_or_where_they_are_full() -> None:
    assert lines_of(["a", " b", ".", " c", " d"], 100) == [[0, 1, 2], [3, 4]]
    assert lines_of(["abc", "def", "ghi"], 6) == [[0, 1], [2]]


def test_without_colours_the_large_numbers_are_there() -> None:
    assert heat_text([" x", " =", " 3", "."], [0.1, 0.0, 0.93, 0.2]).plain == " x = 3[0.93]."


def test_every_token_is_in_the_picture() -> None:
    figure = heat_figure(["so $x$", " = 3", "."], [0.0, 0.5, 1.0], "title")
    assert [text.get_text() for text in figure.texts] == ["title", r"so \$x\$", " = 3", "."]
    colours = [text.get_bbox_patch().get_facecolor() for text in figure.texts[1:]]
    assert len(set(colours)) == 3
