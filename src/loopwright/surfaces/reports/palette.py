"""The look of a failure mode, the same wherever it appears: a colour, a shape, and its rank in figures.

The seven colours of each theme were searched for the largest smallest OKLab distance between any two of them, as seen with
normal vision and with protanopia, deuteranopia and tritanopia (Machado et al. 2009): 0.12 on light, 0.13 on dark, each with a
contrast of at least 3:1 to its background. With four shapes that is 28 looks before one comes back; the rank is written too.
"""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = 7
SHAPES = {
    "circle": "M0-6A6 6 0 1 1 0 6A6 6 0 1 1 0-6Z",
    "square": "M-5.3-5.3H5.3V5.3H-5.3Z",
    "diamond": "M0-7.2L7.2 0L0 7.2L-7.2 0Z",
    "triangle": "M0-7L7 5.4H-7Z",
}
"""Outlines of about the same area, centred on the origin, about 12 units wide."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a mode is drawn. `css` names its colour, `path` is its outline, `rank` counts from 1; rank 0 is a one-off."""

    rank: int
    css: str
    path: str


ONE_OFF = Look(0, "m-none", SHAPES["circle"])


def look(rank: int) -> Look:
    """The look of the mode with that rank, from 1."""
    shapes = list(SHAPES.values())
    colour = (rank - 1) % COLOURS
    return Look(rank, f"m-{colour}", shapes[(rank - 1) // COLOURS % len(shapes)])
