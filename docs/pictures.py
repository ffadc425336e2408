#!/usr/bin/env python3
"""Draws docs/pictures/*.svg from the Pikchr sources beside them: make pictures

Each says of which source it was made, so that a test sees a picture that was not drawn anew.
https://pikchr.org
"""

import hashlib
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "pictures"
#: What Pikchr gives in percent some viewers do not understand.
_PIXELS = 20
_LOOK = "font-family='Helvetica, Arial, sans-serif' font-size='{size}' style='background:white'"


def mark(source: str) -> str:
    """The comment in a picture that names its source."""
    digest = hashlib.sha256(source.encode()).hexdigest()
    return f"<!-- drawn by docs/pictures.py of a source with SHA-256 {digest} -->"


def picture(source: str, drawn: str) -> str:
    """What Pikchr has drawn, with sizes in pixels, a font and the mark of its source."""
    in_pixels = re.sub(
        r'font-size="([\d.]+)%"', lambda found: f'font-size="{float(found[1]) / 100 * _PIXELS:.1f}"', drawn
    )
    return in_pixels.replace("<svg ", f"{mark(source)}\n<svg {_LOOK.format(size=_PIXELS)} ", 1)


if __name__ == "__main__":
    from pypikchr.diagram.diagram import Diagram, PikchrFlags

    for path in sorted(FOLDER.glob("*.pikchr")):
        text = path.read_text(encoding="utf-8")
        drawn = str(Diagram(flags=PikchrFlags.PLAINTEXT_ERRORS).add(text))
        path.with_suffix(".svg").write_text(picture(text, drawn), encoding="utf-8")
