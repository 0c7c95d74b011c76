"""Cloth, folded and hung and lying about."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone
from tools.pictures.drawings import product
from tools.pictures.palette import BRASS, CREAM, INDIGO, LINEN, OAK, OCHRE, PETROL, PLUM, ROSE, SKY, TOBACCO, WHITE


def folded(c: Canvas, y: float, colours: list[str], w: float = 340, h: float = 62, r: float = 26) -> None:
    """A pile, from below."""
    for at, colour in enumerate(colours):
        top, x = y - (at + 1) * (h - 4), 320 - w / 2 + (at % 2) * 8 - 4
        c.rect(x, top, w, h, tone(colour, -0.06), r)
        c.rect(x + 8, top + h * 0.30, w - 22, h * 0.16, tone(colour, -0.22), h * 0.08)
        c.rect(x + 6, top + h * 0.40, w - 12, h * 0.56, colour, r * 0.9)
        c.shine(f"M{x + 24} {top + 8}h{w * 0.5}", 4, 0.4)


@product("Washed linen duvet cover")
def duvet_cover(c: Canvas) -> None:
    c.ground(320, 520, 220)
    folded(c, 520, ["#b9c4b4", "#c9d2c2", "#dbe1d3"], 400, 92, 34)
    c.rect(140, 206, 340, 56, WHITE, 24)
    c.rect(146, 222, 330, 40, CREAM, 20)
    c.line("M320 206V512", TOBACCO, 7)
    c.line("M120 380H520", TOBACCO, 7)
    c.line("M320 380c-50-40-80-20-60 4s60-4 60-4 40-44 62-14-62 14-62 14l-26 44M320 380l30 40", TOBACCO, 7)


def pillow(c: Canvas, colour: str, w: float = 400, h: float = 280) -> None:
    x, y = 320 - w / 2, 330 - h / 2
    with c.lifted():
        c.shape(
            f"M{x + 18} {y + 6}Q320 {y + 34} {x + w - 18} {y + 6}Q{x + w + 6} {y} {x + w - 4} {y + 24}"
            f"Q{x + w - 30} 330 {x + w - 4} {y + h - 24}Q{x + w + 6} {y + h} {x + w - 18} {y + h - 6}"
            f"Q320 {y + h - 34} {x + 18} {y + h - 6}Q{x - 6} {y + h} {x + 4} {y + h - 24}"
            f"Q{x + 30} 330 {x + 4} {y + 24}Q{x - 6} {y} {x + 18} {y + 6}z",
            colour,
        )
    c.line(
        f"M{x + 40} {y + 40}q30 40 80 52M{x + w - 40} {y + h - 40}q-30-40-84-50", tone(colour, -0.18), 5, opacity=0.6
    )
    c.shine(f"M{x + 60} {y + 34}Q320 {y + 50} {x + w - 90} {y + 34}", 6, 0.4)


@product("Percale pillowcase")
def pillowcase(c: Canvas) -> None:
    with c.moved(-26, -60, 0.86, -9):
        pillow(c, SKY)
    with c.moved(24, 52, 0.94, 7):
        pillow(c, WHITE)
        c.line("M150 214Q172 330 150 446M176 212Q196 330 176 450", tone(WHITE, -0.12), 3)


@product("Merino throw")
def throw(c: Canvas) -> None:
    with c.lifted():
        c.shape("M130 150c120-30 260-20 380 10l-20 330c-110-26-240-30-350-8z", OCHRE)
        for at in range(22):
            x = 142 + at * 16.2
            c.line(f"M{x} {486 + abs(at - 11) * 0.6}l-4 44", tone(OCHRE, -0.1), 5)
    with c.inside("M130 150c120-30 260-20 380 10l-20 330c-110-26-240-30-350-8z"):
        for row in range(9):
            for column in range(12):
                x, y = 120 + column * 36, 130 + row * 44
                c.line(f"M{x} {y + 22}l18-22 18 22", tone(OCHRE, 0.3), 5, opacity=0.55)
    c.shape("M130 150c60-14 120-18 180-16l-30 350c-50 0-100 4-140 0z", "#ffffff", flat=True, opacity=0.10)
    c.shade("M330 136c80 0 130 10 180 24l-6 90c-60-40-130-60-174-114z", 0.10)


@product("Waffle bath towel")
def bath_towel(c: Canvas) -> None:
    c.line("M70 150H570", BRASS, 13)
    for x in (70, 570):
        c.oval(x, 150, 18, 18, BRASS)
    cloth = "#c7d3cd"
    with c.lifted():
        c.shape("M170 140h300c8 0 12 6 12 14l8 360c-100 14-230 14-340 0l8-360c0-8 4-14 12-14z", cloth)
    with c.inside("M162 150h314l8 356H154z"):
        for row in range(13):
            for column in range(13):
                c.rect(154 + column * 27, 170 + row * 27, 19, 19, tone(cloth, -0.10 if (row + column) % 2 else 0.25), 4)
    c.rect(150, 470, 338, 20, tone(cloth, -0.2), 2)
    c.shade("M420 142h50c8 0 12 6 12 14l8 356c-20 4-40 6-60 6z", 0.10)


@product("Hammam towel")
def hammam(c: Canvas) -> None:
    with c.lifted():
        c.shape("M150 110h340v400H150z", CREAM)
        for at in range(18):
            c.line(f"M{160 + at * 19} 510v44", tone(CREAM, -0.16), 5)
            c.oval(160 + at * 19, 528, 5, 5, tone(CREAM, -0.2))
    for y, h in ((130, 34), (174, 12), (196, 12), (390, 12), (412, 12), (434, 50)):
        c.rect(150, y, 340, h, INDIGO, 0)
    for at in range(5):
        c.line(f"M{190 + at * 66} 110c8 140-8 260 0 400", "#ffffff", 10, opacity=0.12)
    c.shade("M420 110h70v400h-50c10-130-30-260-20-400z", 0.10)


@product("Hand-knotted wool rug")
def rug(c: Canvas) -> None:
    with c.lifted(rot=-7):
        c.rect(130, 110, 380, 430, "#9a3f38", 6)
        for at in range(24):
            c.line(f"M{138 + at * 15.8} 540v26M{138 + at * 15.8} 110v-26", CREAM, 5)
        c.rect(148, 128, 344, 394, CREAM, 3)
        c.rect(160, 140, 320, 370, "#33486c", 3)
        c.rect(184, 164, 272, 322, "#9a3f38", 3)
        for row in range(3):
            y = 218 + row * 106
            c.shape(f"M320 {y - 50}l60 50-60 50-60-50z", CREAM)
            c.shape(f"M320 {y - 32}l38 32-38 32-38-32z", "#33486c")
            c.shape(f"M320 {y - 14}l17 14-17 14-17-14z", OCHRE)
            for x in (214, 426):
                c.shape(f"M{x} {y - 24}l24 24-24 24-24-24z", OCHRE)
        for at in range(9):
            c.oval(180 + at * 35, 152, 5, 5, OCHRE, flat=True)
            c.oval(180 + at * 35, 498, 5, 5, OCHRE, flat=True)


@product("Jute doormat")
def doormat(c: Canvas) -> None:
    jute = "#b98f57"
    with c.lifted(rot=-5):
        c.rect(90, 200, 460, 270, jute, 20)
    with c.moved(rot=-5):
        for row in range(9):
            for column in range(23):
                lean = 8 if (row + column) % 2 else -8
                x, y = 108 + column * 19, 216 + row * 28
                c.line(f"M{x} {y}l{lean} 17", tone(jute, 0.24 if column % 3 else -0.2), 6, opacity=0.7)
        c.rect(104, 214, 432, 242, "none", 12, flat=True)
        c.line("M128 236H512V434H128z", tone(jute, -0.42), 9)


@product("Down pillow")
def down(c: Canvas) -> None:
    with c.moved(0, 70, 1.0, 3):
        pillow(c, "#e4e0dc")
    with c.moved(0, -50, 0.98, -4):
        pillow(c, WHITE)
    with c.lifted("near"):
        c.shape("M520 60c44 30 50 80 8 130-44-30-50-80-8-130z", WHITE)
        c.line("M522 74c8 40 6 80-10 150", "#bdb7ae", 4)


@product("Summer duvet")
def duvet(c: Canvas) -> None:
    cloth = "#dfe7e4"
    with c.lifted():
        c.shape("M96 210c140-40 320-40 450 0 10 90 10 180 0 280-140-30-310-30-450 0-8-100-8-190 0-280z", cloth)
    for row in range(3):
        for column in range(4):
            x, y = 152 + column * 112, 240 + row * 86
            c.oval(x, y + 20, 52, 38, tone(cloth, 0.5))
            c.oval(x, y + 20, 5, 5, tone(cloth, -0.3), flat=True)
    c.shape("M420 184c50 6 90 14 126 26 6 50 8 100 8 150-60-20-120-80-134-176z", "#9fb8b4")
    c.shade("M420 184c14 96 74 156 134 176l-4 30c-70-30-130-100-130-206z", 0.14)


@product("Linen tablecloth")
def tablecloth(c: Canvas) -> None:
    c.ground(320, 560, 220)
    for x in (176, 464):
        c.shape(f"M{x - 12} 470h24l-6 92h-12z", OAK)
    cloth = "#b7c3cf"
    c.shape("M110 290h420l40 190c-40 30-70-6-110 16s-70-10-140-2-90 24-130 2-80 10-120-16z", cloth)
    for x in (180, 260, 330, 400, 470):
        c.line(f"M{320 + (x - 320) * 0.92} 296c4 60 0 120 {(x - 320) * 0.12} 180", tone(cloth, -0.16), 7, opacity=0.6)
    c.oval(320, 288, 212, 54, tone(cloth, 0.26))
    with c.lifted("near"):
        c.oval(250, 282, 66, 18, WHITE)
        c.shape("M356 284c-8-50 0-76 26-76s34 26 26 76z", "#7ba6a8")
    c.line("M382 212c-4-36-24-50-40-60M382 212c4-40 20-56 40-66M382 212v-76", "#75854f", 5)
    for x, y in ((338, 146), (426, 140), (382, 126)):
        c.oval(x, y, 17, 17, ROSE)
        c.oval(x, y, 6, 6, OCHRE, flat=True)


@product("Set of four napkins")
def napkins(c: Canvas) -> None:
    for at, (x, y, turn) in enumerate(((-74, -60, -14), (-20, -26, -4), (30, 14, 7), (78, 60, 18))):
        with c.lifted("lift" if at == 0 else "near", rot=turn, move=(x, y)):
            colour = PLUM if at % 2 else LINEN
            c.rect(200, 200, 240, 240, colour, 6)
            c.line("M212 212H428V428H212z", tone(colour, 0.3), 3)
    with c.moved(78, 60, 1, 18):
        c.shape("M200 440V206c0-4 2-6 6-6h234z", "#ffffff", flat=True, opacity=0.10)
        c.dashes("M224 224H416V416H224z", tone(PLUM, 0.4), 3, "9 8")


@product("Tea towel with herringbone")
def tea_towel(c: Canvas) -> None:
    with c.lifted("near"):
        c.rect(300, 84, 40, 20, BRASS, 8)
    c.line("M320 100c-20 10-20 40 0 44", BRASS, 7)
    edge = "M236 140c60-16 108-16 168 0l36 400c-80 16-160 16-240 0z"
    with c.lifted():
        c.shape(edge, "#e9e4d8")
    with c.inside(edge):
        for column in range(9):
            for row in range(22):
                x, y = 196 + column * 30, 130 + row * 20
                rise = -12 if column % 2 else 12
                c.line(f"M{x} {y}l28 {rise}", "#aebccb", 5, opacity=0.75)
        c.rect(180, 470, 300, 16, "#b8582f", 0)
        c.rect(180, 494, 300, 6, "#b8582f", 0)
    c.line("M284 150c-10 130-20 260-30 380M356 150c8 130 20 260 34 380", tone("#e9e4d8", -0.3), 8, opacity=0.25)


@product("Velvet cushion")
def cushion(c: Canvas) -> None:
    with c.moved(-30, -36, 0.9, -8):
        pillow(c, OCHRE, 330, 330)
    with c.moved(34, 40, 0.94, 9):
        pillow(c, PETROL, 340, 340)
        c.line("M160 174Q320 200 480 174M160 486Q320 460 480 486", tone(PETROL, 0.35), 4, opacity=0.7)


@product("Blackout curtain")
def curtain(c: Canvas) -> None:
    c.rect(230, 150, 330, 400, "#f6f1e4", 4)
    c.rect(246, 166, 298, 368, "#bcd8e6", 2)
    c.oval(440, 250, 40, 40, "#fff3cf", flat=True)
    c.rect(388, 166, 14, 368, "#f6f1e4", 0)
    c.rect(246, 342, 298, 14, "#f6f1e4", 0)
    c.glow(440, 250, 160, "#fff3cf", 0.6)
    c.line("M60 110H590", OAK, 15)
    c.oval(594, 110, 17, 17, OAK)
    cloth = "#4d5570"
    with c.lifted():
        for at in range(6):
            x = 72 + at * 48
            c.shape(f"M{x} 112h50c6 150 2 320-2 460h-50c4-150 6-300 2-460z", tone(cloth, 0.12 if at % 2 else -0.12))
    for at in range(6):
        c.oval(96 + at * 48, 110, 10, 13, BRASS)


@product("Quilted bedspread")
def bedspread(c: Canvas) -> None:
    cloth = "#c08a80"
    edge = "M100 190c130-50 310-50 440 0v300c-140-40-300-40-440 0z"
    with c.lifted():
        c.shape(edge, cloth)
    with c.inside(edge):
        for at in range(14):
            c.dashes(f"M{40 + at * 52} 120l-200 420", tone(cloth, 0.45), 3, "9 7")
            c.dashes(f"M{-60 + at * 52} 120l200 420", tone(cloth, 0.45), 3, "9 7")
            c.line(f"M{44 + at * 52} 120l-200 420M{-56 + at * 52} 120l200 420", tone(cloth, -0.3), 3, opacity=0.3)
    c.shape("M100 190c50-20 110-30 170-36-20 110-90 180-170 210z", tone(CREAM, -0.04))
    c.shade("M270 154c-20 110-90 180-170 210v20c100-30 176-110 196-232z", 0.16)
