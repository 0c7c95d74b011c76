"""Where the goods of each category are shown: one kind of place each, in three colourings that take turns."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone


def furniture(c: Canvas, turn: int) -> None:
    """A room with an alcove."""
    wall, floor = (("#e9dccb", "#c4a587"), ("#dfe0d3", "#b8a58c"), ("#ead3c5", "#bb9a83"))[turn]
    c.rect(0, 0, 640, 640, wall)
    c.shape("M150 500V270a170 170 0 0 1 340 0V500z", tone(wall, -0.09), flat=True)
    c.shape("M166 500V272a154 154 0 0 1 308 0V500z", tone(wall, -0.05), flat=True)
    c.rect(0, 490, 640, 150, floor)
    c.rect(0, 482, 640, 10, tone(wall, 0.35), flat=True)
    _sunbeam(c)


def lighting(c: Canvas, turn: int) -> None:
    """An evening."""
    wall, floor = (("#35435a", "#232c3d"), ("#4a3d55", "#30283a"), ("#2d4a50", "#1d3236"))[turn]
    c.rect(0, 0, 640, 640, wall)
    for at in range(1, 5):
        c.line(f"M{at * 128} 0V500", tone(wall, 0.08), 2)
    c.rect(0, 500, 640, 140, floor)
    c.rect(0, 494, 640, 7, tone(wall, 0.14), flat=True)


def kitchen(c: Canvas, turn: int) -> None:
    """A worktop before tiles."""
    wall, top = (("#cfdccf", "#d2aa7b"), ("#ecdcb9", "#b98d62"), ("#c6dade", "#d8b68a"))[turn]
    c.rect(0, 0, 640, 640, wall)
    for row in range(5):
        c.line(f"M0 {row * 100 - 10}H640", tone(wall, 0.4), 3, opacity=0.7)
        for column in range(5):
            x = column * 160 + (80 if row % 2 else 0)
            c.line(f"M{x} {row * 100 - 10}v100", tone(wall, 0.4), 3, opacity=0.7)
    c.rect(0, 476, 640, 164, top)
    c.rect(0, 476, 640, 9, tone(top, 0.35), flat=True)
    _sunbeam(c)


def home_textiles(c: Canvas, turn: int) -> None:
    """Soft folds."""
    ground = ("#ecd3ca", "#d5d3e4", "#e6dcc0")[turn]
    c.rect(0, 0, 640, 640, ground)
    c.shape("M0 170C160 90 300 250 640 120V640H0z", tone(ground, -0.05), flat=True)
    c.shape("M0 360C200 250 380 440 640 300V640H0z", tone(ground, 0.28), flat=True, opacity=0.6)
    c.shape("M0 520C180 440 420 600 640 480V640H0z", tone(ground, -0.08), flat=True)
    _sunbeam(c)


def clothing(c: Canvas, turn: int) -> None:
    """A wall with a round of another colour."""
    ground, disc = (("#d3dae4", "#bcc9d8"), ("#e8dcd0", "#dcc5b0"), ("#d4dfd6", "#b9cdbd"))[turn]
    c.rect(0, 0, 640, 640, ground)
    c.oval(320, 330, 262, 262, disc)
    _sunbeam(c)


def outdoor(c: Canvas, turn: int) -> None:
    """Hills."""
    sky, sun, far, near = (
        ("#cfe4e8", "#fff3cf", "#9fbfa8", "#7fa27c"),
        ("#f4dcc0", "#fff0d0", "#c9a98c", "#98996f"),
        ("#d8e2ee", "#ffffff", "#9db0c4", "#7f9a92"),
    )[turn]
    c.rect(0, 0, 640, 640, sky)
    c.oval(500, 140, 62, 62, sun, flat=True)
    c.glow(500, 140, 190, sun, 0.7)
    c.shape("M0 400L120 270L220 350L360 220L520 360L640 290V640H0z", tone(far, 0.38), flat=True)
    c.shape("M0 440C140 350 260 400 380 370S560 340 640 390V640H0z", far)
    c.shape("M0 510C160 440 300 500 420 470S580 450 640 480V640H0z", near)


def stationery(c: Canvas, turn: int) -> None:
    """The top of a desk, from above."""
    ground, sheet = (("#f0e0bd", "#f8eed8"), ("#d5e1ec", "#e6eef5"), ("#ecd6d3", "#f5e7e4"))[turn]
    c.rect(0, 0, 640, 640, ground)
    c.shape("M-20 160L420 90Q434 88 436 102L530 660H-20z", sheet, flat=True, opacity=0.75)
    for row in range(7):
        for column in range(7):
            c.oval(60 + column * 88, 56 + row * 88, 3, 3, tone(ground, -0.14), flat=True)
    _sunbeam(c)


def audio(c: Canvas, turn: int) -> None:
    """Waves."""
    wall, shelf = (("#d9d4e6", "#a48d86"), ("#cddfe4", "#9d9287"), ("#ecd8cc", "#a07f70"))[turn]
    c.rect(0, 0, 640, 640, wall)
    for at, radius in enumerate((330, 262, 194, 126)):
        c.oval(320, 300, radius, radius, tone(wall, -0.03 * (at + 1)), flat=True)
    c.rect(0, 500, 640, 140, shelf)
    c.rect(0, 500, 640, 9, tone(shelf, 0.3), flat=True)
    _sunbeam(c)


def _sunbeam(c: Canvas) -> None:
    c.shape("M-40 0H150L-40 330z", "#ffffff", flat=True, opacity=0.16)
    c.shape("M230 0H330L-40 640V470z", "#ffffff", flat=True, opacity=0.10)


SCENES = {
    "furniture": furniture,
    "lighting": lighting,
    "kitchen": kitchen,
    "home-textiles": home_textiles,
    "clothing": clothing,
    "outdoor": outdoor,
    "stationery": stationery,
    "audio": audio,
}
