"""Things on a desk, seen from above."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone
from tools.pictures.drawings import product
from tools.pictures.palette import (
    BLACK,
    BRASS,
    CHARCOAL,
    CORK,
    CREAM,
    CRIMSON,
    LEATHER,
    MOSS,
    MUSTARD,
    NAVY,
    OAK,
    ROSE,
    SEA,
    SLATE,
    STEEL,
    WALNUT,
    WHITE,
)


def book(c: Canvas, x: float, y: float, w: float, h: float, colour: str, pages: float = 10) -> None:
    c.rect(x + 4, y + pages, w, h, tone(colour, -0.3), 8)
    c.rect(x + 8, y + pages - 3, w - 10, h - 2, "#efe6d2", 4)
    c.rect(x, y, w, h, colour, 8)
    c.rect(x, y, 26, h, tone(colour, -0.18), 8)


@product("Clothbound notebook")
def notebook(c: Canvas) -> None:
    with c.lifted(rot=-9):
        book(c, 168, 110, 300, 416, SLATE, 12)
        c.rect(420, 110, 14, 416, CRIMSON, 0)
        c.rect(250, 210, 130, 76, CREAM, 4)
        c.line("M270 238H360M270 258H330", tone(CREAM, -0.3), 4)
        c.line("M300 536l0 40", CRIMSON, 9, cap="butt")
    with c.lifted("near", rot=32, move=(120, 120)):
        c.rect(300, 150, 17, 300, BLACK, 8)
        c.rect(300, 190, 17, 12, BRASS, 0)
        c.shape("M302 450h13l-6 26z", BRASS)


@product("Pocket notebooks, set of three")
def pocket(c: Canvas) -> None:
    for x, y, turn, colour in ((-80, 10, -16, MOSS), (0, -10, -2, MUSTARD), (84, 20, 13, SEA)):
        with c.lifted(rot=turn, move=(x, y)):
            c.rect(226, 150, 190, 320, "#efe6d2", 8)
            c.rect(222, 146, 190, 320, colour, 8)
            c.rect(260, 214, 114, 60, CREAM, 3)
            c.line("M276 236h80M276 254h50", tone(CREAM, -0.35), 3)
            c.line("M232 230v26M232 340v26", tone(colour, -0.45), 3)


@product("Weekly planner")
def planner(c: Canvas) -> None:
    with c.lifted(rot=-4):
        c.rect(70, 140, 500, 360, "#a9493a", 12)
        c.rect(82, 150, 240, 340, "#f8f1e1", 6)
        c.rect(318, 150, 240, 340, "#f3ead6", 6)
    with c.moved(rot=-4):
        c.shape("M290 150h30v340h-30c16-110 16-230 0-340z", "#2a2320", flat=True, opacity=0.10)
        c.shape("M318 150h34c-16 110-16 230 0 340h-34z", "#2a2320", flat=True, opacity=0.08)
        for at in range(7):
            y = 182 + at * 43
            c.line(f"M100 {y + 24}H288", "#d5c8ac", 2.5)
            c.oval(110, y + 8, 9, 9, ("#c8754f", "#7ba6a8", "#d59d3e")[at % 3], flat=True)
            c.line(f"M132 {y + 8}h{60 + at * 37 % 84}", "#b9ad97", 5)
        for row in range(9):
            for column in range(6):
                c.oval(360 + column * 36, 186 + row * 36, 2.5, 2.5, "#c9bda4", flat=True)
        c.line("M372 210q40-30 90 4t70-8M372 250q30-16 60 0t50 0", "#4d6a93", 5)
        c.rect(420, 320, 96, 90, MUSTARD, 4, rot=6)
        c.line("M320 490v46", CRIMSON, 10, cap="butt")


@product("Fountain pen")
def fountain_pen(c: Canvas) -> None:
    c.line("M70 470C140 400 170 540 230 460S330 420 350 480 420 520 470 450", NAVY, 6)
    with c.lifted(rot=-34, move=(20, -50)):
        c.shape("M90 320l80-26v52z", BRASS)
        c.shape("M168 290h40v60h-40z", BLACK)
        c.shape("M206 282h190v76H206c-6-24-6-52 0-76z", NAVY)
        c.rect(392, 276, 16, 88, BRASS, 4)
        c.shape("M406 282h110c26 0 34 18 34 38s-8 38-34 38H406z", tone(NAVY, -0.15))
        c.rect(430, 268, 108, 12, BRASS, 6)
    with c.moved(20, -50, 1, -34):
        c.line("M96 320H150", "#6b5220", 3)
        c.oval(150, 320, 5, 5, "#6b5220", flat=True)
        c.shine("M220 296H380", 6, 0.4)
        c.shine("M416 296H520", 6, 0.3)


@product("Bottle of ink")
def ink(c: Canvas) -> None:
    c.shape("M110 470c-40-10-50-60-10-70 10-40 70-30 74 0 40 0 40 50 10 60-10 26-60 30-74 10z", NAVY, opacity=0.9)
    c.oval(66, 500, 9, 8, NAVY)
    c.oval(212, 486, 6, 6, NAVY)
    with c.lifted():
        c.rect(212, 240, 260, 290, "#cfdde6", 36)
        c.rect(228, 330, 228, 186, NAVY, 26)
        c.rect(270, 200, 144, 52, "#c3d2dc", 8)
        c.rect(256, 112, 172, 96, BLACK, 12)
    for at in range(9):
        c.line(f"M{270 + at * 18} 124v72", "#50545c", 4)
    c.rect(258, 360, 168, 104, CREAM, 4)
    c.line("M286 392H398M300 414H384M316 436H368", tone(NAVY, 0.2), 5)
    c.shine("M232 290v190", 11, 0.5)


@product("Brass mechanical pencil")
def mechanical(c: Canvas) -> None:
    c.line("M90 440L250 520L330 400L440 500", CHARCOAL, 4)
    c.line("M90 440h0M250 520h0M330 400h0M440 500h0", CHARCOAL, 11)
    with c.lifted(rot=-28, move=(0, -40)):
        c.line("M80 320H120", CHARCOAL, 5)
        c.shape("M112 314l70-20v52l-70-20z", tone(BRASS, -0.15))
        c.rect(180, 288, 130, 64, tone(BRASS, -0.06), 4)
        c.rect(308, 292, 196, 56, BRASS, 6)
        c.rect(500, 300, 34, 40, tone(BRASS, -0.2), 4)
        c.rect(532, 306, 26, 28, BRASS, 8)
        c.rect(352, 278, 140, 11, tone(BRASS, -0.2), 5)
    with c.moved(0, -40, 1, -28):
        for at in range(9):
            c.line(f"M{190 + at * 13} 290v60", tone(BRASS, -0.4), 3)
        c.shine("M320 304H490", 6, 0.6)


@product("Dozen cedar pencils")
def pencils(c: Canvas) -> None:
    with c.lifted(rot=8):
        for at in range(12):
            x = 140 + at * 30
            top = 150 + (at * 37) % 46
            colour = (NAVY, MOSS, "#c8754f", MUSTARD)[at % 4]
            c.shape(f"M{x} {top + 56}h28v296h-28z", colour)
            c.shape(f"M{x} {top + 56}h10v296h-10z", tone(colour, 0.3), flat=True)
            c.shape(f"M{x} {top + 58}L{x + 14} {top}L{x + 28} {top + 58}q-7-10-14 0q-7-10-14 0z", "#e3bd8c")
            c.shape(f"M{x + 9} {top + 20}L{x + 14} {top}l5 20z", BLACK)
    with c.lifted("near", rot=8):
        c.rect(130, 380, 380, 74, CREAM, 4)
        c.rect(130, 394, 380, 6, "#c8754f", 0)
        c.rect(130, 434, 380, 6, "#c8754f", 0)
        c.line("M230 417H410", tone(CREAM, -0.35), 6)


@product("Watercolour box")
def watercolour(c: Canvas) -> None:
    paints = (
        "#c6453b",
        "#e08a3c",
        "#eec04f",
        "#9cb34a",
        "#3f7d4f",
        "#2b8a8f",
        "#3f6fb0",
        "#33486c",
        "#76415c",
        "#c47a94",
        "#8b5e3c",
        "#4b4f57",
    )
    with c.lifted(rot=-6):
        c.rect(96, 120, 448, 190, "#ecebe6", 18)
        c.rect(96, 316, 448, 190, BLACK, 18)
    with c.moved(rot=-6):
        for x, colour in ((118, "#cfe0ea"), (260, "#f3d9d2"), (402, "#e8e4bf")):
            c.rect(x, 142, 122, 146, "#dedcd4", 12)
            c.oval(x + 60, 216, 46, 50, colour, flat=True)
            c.oval(x + 70, 230, 24, 22, tone(colour, -0.18), flat=True)
        for at, colour in enumerate(paints):
            x, y = 118 + at % 6 * 69, 338 + at // 6 * 78
            c.rect(x, y, 60, 68, WHITE, 6)
            c.rect(x + 6, y + 6, 48, 56, colour, 6)
    with c.lifted("near", rot=36, move=(130, 110)):
        c.rect(310, 190, 13, 250, WALNUT, 6)
        c.rect(307, 150, 19, 50, STEEL, 3)
        c.shape("M306 152c-4-30 4-44 10-66 8 22 16 36 12 66z", "#3f6fb0")


@product("Letter writing set")
def letters(c: Canvas) -> None:
    with c.lifted(rot=-9, move=(-50, -30)):
        c.rect(170, 110, 270, 360, "#fbf6ea", 3)
    with c.moved(-50, -30, 1, -9):
        for at in range(8):
            c.line(f"M200 {170 + at * 32}h{196 - (at * 53) % 70}", "#b9ad97", 4)
    with c.lifted(rot=7, move=(50, 100)):
        c.rect(160, 220, 330, 220, "#d9b6ae", 6)
        c.shape("M160 226L325 350L490 226v-2c0-3-3-4-6-4H166c-3 0-6 1-6 4z", tone("#d9b6ae", 0.25))
        c.line("M162 436L292 326M488 436L358 326", tone("#d9b6ae", -0.16), 3)
        c.oval(325, 342, 32, 32, CRIMSON)
        c.oval(325, 342, 21, 21, tone(CRIMSON, -0.2))
    with c.lifted("near", rot=14, move=(90, -90)):
        c.rect(430, 130, 74, 90, WHITE, 2)
        c.rect(438, 138, 58, 74, SEA, 0)
        c.shape("M438 212l22-34 16 18 20-24v40z", MOSS)


@product("Steel scissors")
def scissors(c: Canvas) -> None:
    for turn, dim in ((16, -0.06), (-16, 0.1)):
        flip = -1 if turn > 0 else 1
        with c.lifted("near", rot=turn):
            c.shape(f"M{320 - 20} 330L{320 - 4 * flip} 70c10 20 22 120 24 260z", tone(STEEL, dim))
            c.oval(320 + 44 * flip, 500, 56, 66, tone(STEEL, dim - 0.08))
            c.oval(320 + 44 * flip, 500, 32, 42, "#f3e6c9", flat=True)
            c.line(f"M320 330L{320 + 14 * flip} 440", tone(STEEL, dim - 0.1), 32)
    c.oval(320, 330, 15, 15, BRASS)
    c.line("M312 330h16", tone(BRASS, -0.4), 4)
    c.dashes("M70 96H250M392 96H570", CHARCOAL, 4, "14 11", opacity=0.6)


@product("Desk tray of walnut")
def tray(c: Canvas) -> None:
    with c.lifted(rot=-8):
        c.rect(80, 190, 480, 260, WALNUT, 56)
        c.rect(100, 208, 440, 224, tone(WALNUT, -0.25), 42)
        c.rect(360, 208, 12, 224, tone(WALNUT, 0.1), 0)
    with c.lifted("near", rot=-8):
        c.line("M180 320a42 42 0 1 0 0.1 0M180 320c20 16 30 30 40 70l60-6", STEEL, 9)
        c.shape("M212 380l70-8 4 14-18 4-2 12-14 2-2-10-36 4z", BRASS)
        c.rect(256, 232, 16, 130, BLACK, 8, rot=64)
        c.rect(396, 250, 110, 56, LEATHER, 10)
        c.oval(440, 370, 34, 34, BRASS)
        c.oval(478, 380, 26, 26, STEEL)
        c.oval(440, 370, 24, 24, tone(BRASS, 0.15))


@product("Wool desk pad")
def desk_pad(c: Canvas) -> None:
    with c.lifted(rot=-5):
        c.rect(50, 170, 540, 320, "#6b6f76", 14)
    with c.moved(rot=-5):
        for at in range(90):
            x, y = 62 + (at * 131) % 512, 182 + (at * 71) % 296
            c.line(f"M{x} {y}l{6 - at % 12} {3 + at % 5}", tone("#6b6f76", 0.22 if at % 2 else -0.2), 2.5, opacity=0.5)
        c.dashes("M64 184H576V476H64z", LEATHER, 4, "11 8")
        c.rect(40, 196, 30, 60, LEATHER, 6)
    with c.lifted("near", rot=-5):
        c.rect(120, 250, 300, 128, "#ecebe6", 14)
        c.rect(468, 270, 62, 96, "#ecebe6", 31)
    with c.moved(rot=-5):
        for row in range(4):
            for column in range(10):
                c.rect(
                    132 + column * 28, 262 + row * 27, 23, 21, "#d5d3cb" if (row, column) != (0, 0) else "#c8754f", 5
                )
        c.rect(496, 282, 6, 22, "#c5c2b8", 3)


@product("Cork pinboard")
def pinboard(c: Canvas) -> None:
    with c.lifted():
        c.rect(90, 100, 460, 440, OAK, 10)
        c.rect(112, 122, 416, 396, CORK, 3)
    for at in range(130):
        x, y = 118 + (at * 97) % 402, 128 + (at * 61 + at * at * 3) % 382
        c.oval(x, y, 3 + at % 3, 2.4, tone(CORK, -0.22 if at % 3 else 0.3), flat=True)
    for x, y, w, h, turn, colour, pin in (
        (150, 160, 130, 150, -5, WHITE, "#c6453b"),
        (320, 150, 160, 116, 4, "#cfe0e4", "#d59d3e"),
        (170, 340, 116, 116, 6, "#eec04f", "#3f6fb0"),
        (330, 310, 146, 170, -4, "#f3d9d2", "#3f7d4f"),
    ):
        with c.lifted("near"):
            c.rect(x, y, w, h, colour, 3, rot=turn)
        c.oval(x + w / 2, y + 14, 10, 10, pin)
        c.oval(x + w / 2 - 3, y + 11, 3, 3, "#ffffff", flat=True)
    for at in range(4):
        c.line(f"M172 {206 + at * 22}h{84 - at * 14}", "#b9ad97", 4)
    c.shape("M336 256l40-56 30 34 26-24 36 46z", SEA)
    c.shape("M403 440c-60-40-50-80-22-80 14 0 20 10 22 18 2-8 8-18 22-18 28 0 38 40-22 80z", CRIMSON)
    c.line("M192 384h72M192 406h54M192 428h64", tone(MUSTARD, -0.3), 4)


@product("Year calendar, letterpress")
def calendar(c: Canvas) -> None:
    with c.lifted(rot=3):
        c.rect(140, 70, 360, 500, "#faf4e6", 4)
    with c.moved(rot=3):
        c.oval(320, 120, 22, 22, "#c8754f")
        c.line("M200 120H284M356 120H440", "#4b4f57", 4)
        for month in range(12):
            x, y = 172 + month % 3 * 104, 172 + month // 3 * 96
            c.rect(x, y, 44, 7, ("#c8754f", "#33486c", "#3f5d49", "#d59d3e")[month // 3], 3, flat=True)
            for day in range(30):
                colour = "#c8754f" if day % 7 == 6 else "#8b8579"
                c.oval(x + 5 + day % 7 * 13, y + 22 + day // 7 * 13, 3.2, 3.2, colour, flat=True)
    with c.lifted("near", rot=3):
        c.rect(126, 56, 388, 22, OAK, 6)
        c.rect(126, 562, 388, 22, OAK, 6)
    c.line("M200 58L330 14L460 66", "#8b5e3c", 5)


@product("Leather pencil roll")
def pencil_roll(c: Canvas) -> None:
    with c.lifted(rot=-7):
        c.rect(80, 150, 480, 330, LEATHER, 16)
        for at in range(10):
            colour = (NAVY, "#c6453b", MOSS, MUSTARD, SEA, CHARCOAL, ROSE, "#e08a3c", "#76415c", BRASS)[at]
            x, top = 112 + at * 43, 178 + (at * 23) % 40
            c.shape(f"M{x} {top + 34}L{x + 11} {top}L{x + 22} {top + 34}z", "#e3bd8c")
            c.rect(x, top + 32, 22, 260 - (top - 178), colour, 2)
            c.shape(f"M{x + 8} {top + 9}L{x + 11} {top}l3 9z", BLACK)
        c.rect(92, 300, 456, 168, tone(LEATHER, 0.1), 10)
    with c.moved(rot=-7):
        for at in range(11):
            c.dashes(f"M{102 + at * 43} 310V458", "#e9c79a", 3, "9 7")
        c.dashes("M96 308H544", "#e9c79a", 3, "9 7")
        c.line("M556 320C620 320 600 400 560 390", tone(LEATHER, -0.25), 13)
        c.oval(560, 392, 13, 13, BRASS)
