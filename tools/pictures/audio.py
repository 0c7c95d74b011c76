"""Things to listen with, on a shelf; what stands has its foot at 540."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone
from tools.pictures.drawings import product
from tools.pictures.palette import (
    BIRCH,
    BLACK,
    BRASS,
    CHARCOAL,
    CREAM,
    GREY,
    IRON,
    MINT,
    ORANGE,
    RED,
    SAND,
    SEA,
    SLATE,
    STEEL,
    WALNUT,
    WHITE,
)

MAHOGANY = "#7a3b2a"


def cone(c: Canvas, x: float, y: float, r: float, colour: str = CHARCOAL) -> None:
    """A loudspeaker's."""
    c.oval(x, y, r, r, "#26282c")
    c.oval(x, y, r * 0.88, r * 0.88, colour)
    c.oval(x, y, r * 0.66, r * 0.66, tone(colour, -0.25))
    c.oval(x, y, r * 0.27, r * 0.27, tone(colour, 0.25))


def headphones(c: Canvas, band: str, cup: str, pad: str) -> None:
    with c.lifted():
        c.line("M150 400C130 60 510 60 490 400", band, 30)
        c.line("M196 250C230 130 410 130 444 250", pad, 26)
        for x, flip in ((150, 1), (490, -1)):
            c.rect(x - 15, 330, 30, 70, STEEL, 10)
            c.rect(x - 44 + 26 * flip, 344, 60, 176, pad, 30)
            c.rect(x - 44 - 8 * flip, 336, 74, 192, cup, 36)


@product("Open-back headphones")
def open_back(c: Canvas) -> None:
    headphones(c, CHARCOAL, WALNUT, "#4b4f57")
    for x in (136, 436):
        c.rect(x - 14 + (8 if x > 300 else 0), 362, 46, 140, "#26282c", 22)
        for row in range(9):
            for column in range(3):
                c.oval(x - 1 + (8 if x > 300 else 0) + column * 10, 376 + row * 14, 3.2, 3.2, BRASS, flat=True)
    c.shine("M186 226C214 172 262 142 318 140", 5, 0.35)


@product("Wireless headphones")
def wireless(c: Canvas) -> None:
    headphones(c, SAND, SAND, "#8b7a61")
    c.shine("M186 226C214 172 262 142 318 140", 7, 0.5)
    for x in (146, 494):
        c.line(f"M{x} 370v120", "#ffffff", 6, opacity=0.4)
    c.oval(484, 500, 5, 5, "#5fc48f", flat=True)


@product("In-ear monitors")
def in_ear(c: Canvas) -> None:
    c.line("M232 220C200 420 300 470 320 540M408 220C440 420 340 470 320 540V640", CHARCOAL, 8)
    c.rect(307, 500, 26, 56, STEEL, 10)
    for x, flip in ((220, 1), (420, -1)):
        with c.lifted("near"):
            bud = (
                f"c{-10 * flip} -70 {90 * flip} -100 {120 * flip} -40 {20 * flip} 50 {-10 * flip} 110 {-60 * flip} 110"
            )
            c.shape(f"M{x - 50 * flip} 190{bud}s{-56 * flip} -30 {-60 * flip} -70z", SEA)
            c.rect(x + 40 * flip - 26, 120, 52, 44, STEEL, 14, rot=-34 * flip)
            c.oval(x + 68 * flip, 116, 26, 34, "#33363c", rot=-34 * flip)
        c.oval(x - 6 * flip, 190, 28, 28, tone(SEA, -0.25))
        c.oval(x - 6 * flip, 190, 17, 17, BRASS)


@product("Bookshelf speakers, pair")
def speakers(c: Canvas) -> None:
    for x in (96, 348):
        c.ground(x + 98, 542, 100)
        c.rect(x, 190, 196, 350, WALNUT, 10)
        c.rect(x + 10, 200, 176, 330, tone(WALNUT, 0.12), 6)
        cone(c, x + 98, 268, 40, SLATE)
        cone(c, x + 98, 422, 78)
        c.oval(x + 98, 522 - 8, 4, 4, BRASS, flat=True)
        c.shine(f"M{x + 14} 206h100", 4, 0.35)


@product("Kitchen radio")
def radio(c: Canvas) -> None:
    c.ground(320, 542, 220)
    c.line("M470 270L540 90", STEEL, 7)
    c.oval(540, 88, 8, 8, STEEL)
    c.line("M200 262c0-60 240-60 240 0", tone(MINT, -0.3), 19)
    c.rect(104, 262, 432, 278, MINT, 44)
    c.rect(128, 286, 230, 230, CREAM, 26)
    for row in range(11):
        c.line(f"M148 {306 + row * 19}H338", tone(CREAM, -0.24), 6)
    c.rect(382, 296, 128, 60, "#fff4d6", 10)
    for at in range(9):
        c.line(f"M{394 + at * 13} 306v{22 if at % 2 else 12}", "#8b7a61", 3)
    c.line("M452 300v52", RED, 4)
    for x, r in ((418, 34), (488, 24)):
        c.oval(x, 430, r, r, CREAM)
        c.oval(x, 430, r * 0.72, r * 0.72, tone(CREAM, -0.1))
        c.line(f"M{x} 430v-{r * 0.6}", "#8b7a61", 5)
    c.shine("M136 278C126 286 122 296 122 310", 7, 0.5)


@product("Portable speaker")
def portable(c: Canvas) -> None:
    c.ground(320, 542, 190)
    c.rect(130, 330, 380, 210, ORANGE, 104)
    c.oval(234, 435, 103, 103, tone(ORANGE, -0.16))
    cone(c, 234, 435, 82)
    for row in range(7):
        for column in range(9):
            x, y = 354 + column * 15, 372 + row * 21
            if (x - 406) ** 2 / 7400 + (y - 435) ** 2 / 8800 < 1:
                c.oval(x, y, 4, 4, tone(ORANGE, -0.4), flat=True)
    c.line("M470 340c60-40 90 20 50 60", "#33363c", 13)
    c.rect(300, 318, 130, 20, tone(ORANGE, -0.3), 10)
    for x in (326, 364, 402):
        c.oval(x, 328, 6, 6, CREAM, flat=True)
    for x, y, s in ((180, 200, 1.0), (300, 130, 0.8), (430, 210, 0.9)):
        c.line(f"M{x} {y + 60 * s}V{y}l{46 * s}-{12 * s}v{56 * s}", "#6f6480", 8, opacity=0.8)
        c.oval(x - 11 * s, y + 62 * s, 15 * s, 11 * s, "#6f6480", rot=-18)
        c.oval(x + 35 * s, y + 46 * s, 15 * s, 11 * s, "#6f6480", rot=-18)


@product("Turntable")
def turntable(c: Canvas) -> None:
    with c.lifted():
        c.rect(70, 150, 500, 380, WALNUT, 18)
        c.rect(82, 162, 476, 356, tone(WALNUT, 0.14), 12)
    with c.lifted("near"):
        c.oval(276, 342, 164, 164, STEEL)
        c.oval(276, 342, 154, 154, "#232529")
    for r in (142, 128, 114, 100, 86, 72):
        c.line(f"M{276 - r} 342a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 -{2 * r} 0", "#3b3e44", 2)
    c.shape("M276 342L170 226a158 158 0 0 1 60-36z", "#ffffff", flat=True, opacity=0.12)
    c.shape("M276 342L382 458a158 158 0 0 1-60 36z", "#ffffff", flat=True, opacity=0.12)
    c.oval(276, 342, 54, 54, ORANGE)
    c.oval(276, 342, 38, 38, CREAM)
    c.oval(276, 342, 6, 6, "#33363c")
    with c.lifted("near"):
        c.oval(500, 222, 38, 38, STEEL)
        c.line("M500 222L490 400L410 450", tone(STEEL, 0.2), 11)
        c.rect(378, 440, 48, 24, "#33363c", 4, rot=-32)
    c.oval(500, 222, 17, 17, CHARCOAL)
    c.oval(518, 484, 16, 16, BRASS)
    c.oval(470, 492, 8, 8, BRASS)


@product("Phono preamplifier")
def phono(c: Canvas) -> None:
    c.ground(320, 542, 190)
    for x in (180, 440):
        c.rect(x, 520, 40, 22, BLACK, 6)
    c.shape("M150 350h340l30 40H120z", tone(GREY, 0.3))
    c.rect(120, 386, 400, 140, GREY, 10)
    c.rect(134, 400, 372, 112, tone(GREY, 0.22), 6)
    c.oval(214, 456, 38, 38, CHARCOAL)
    c.oval(214, 456, 28, 28, tone(CHARCOAL, 0.2))
    c.line("M214 456l14-24", ORANGE, 6)
    for at in range(7):
        c.line(f"M{300 + at * 18} {470 - at * 6}v{14 + at * 6}", "#6f6480" if at < 5 else ORANGE, 9)
    c.oval(462, 436, 8, 8, "#5fc48f", flat=True)
    c.glow(462, 436, 26, "#5fc48f", 0.8)
    for x, colour in ((200, RED), (250, WHITE)):
        c.line(f"M{x} 352C{x} 250 {x - 60} 260 {x - 70} 120", CHARCOAL, 9)
        c.rect(x - 11, 330, 22, 36, colour, 5)


@product("Stereo amplifier")
def amplifier(c: Canvas) -> None:
    c.ground(320, 542, 240)
    for x in (120, 466):
        c.rect(x, 520, 54, 22, BLACK, 6)
    c.shape("M104 290h432l24 34H80z", tone(STEEL, 0.35))
    for at in range(13):
        c.line(f"M{150 + at * 28} 298l-4 18", tone(STEEL, -0.35), 6)
    c.rect(70, 320, 500, 204, WALNUT, 10)
    c.rect(92, 334, 456, 176, STEEL, 6)
    c.oval(460, 422, 62, 62, tone(STEEL, -0.25))
    c.oval(460, 422, 52, 52, tone(STEEL, 0.2))
    c.line("M460 422L436 386", CHARCOAL, 7)
    c.rect(118, 354, 212, 70, "#1f2a33", 8)
    for x in (130, 234):
        c.shape(f"M{x} 362h86v54h-86z", "#f6d58b", opacity=0.92)
        c.line(f"M{x + 12} 396q31-26 62 0", "#8b5e3c", 3)
        c.line(f"M{x + 43} 414L{x + 60} 376", RED, 3.5)
    for x in (136, 186, 236, 286):
        c.oval(x, 466, 17, 17, tone(STEEL, -0.2))
        c.oval(x, 466, 12, 12, tone(STEEL, 0.25))
    c.rect(340, 450, 44, 34, tone(STEEL, -0.15), 6)
    c.shine("M104 344h330", 4, 0.6)


@product("Record brush")
def record_brush(c: Canvas) -> None:
    with c.lifted():
        c.oval(270, 370, 210, 210, "#232529")
    for r in (196, 180, 164, 148, 132, 116, 100):
        c.line(f"M{270 - r} 370a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 -{2 * r} 0", "#3b3e44", 2)
    c.shape("M270 370L140 206a210 210 0 0 1 90-42z", "#ffffff", flat=True, opacity=0.12)
    c.oval(270, 370, 72, 72, SEA)
    c.oval(270, 370, 50, 50, CREAM)
    c.oval(270, 370, 8, 8, "#33363c")
    with c.lifted(rot=-34, move=(90, -70)):
        for at in range(38):
            c.line(f"M{196 + at * 6.6} 330v56", "#18191c", 4)
        c.rect(182, 250, 280, 90, WALNUT, 20)
        c.rect(182, 316, 280, 26, BRASS, 6)
        c.shine("M204 266h220", 6, 0.4)


@product("Record crate")
def crate(c: Canvas) -> None:
    c.ground(320, 542, 220)
    covers = (RED, "#33486c", CREAM, "#d59d3e", SEA, "#76415c", "#3f5d49", ORANGE, SLATE, "#d99c98")
    for at, colour in enumerate(covers):
        x, y = 150 + at * 18, 186 + (at * 29) % 34
        with c.lifted("near"):
            c.shape(f"M{x} {y + 24}l190-24v300l-190 24z", colour)
    c.oval(410, 310, 62, 66, tone("#d99c98", -0.25))
    c.oval(410, 310, 18, 19, CREAM)
    c.rect(110, 346, 420, 194, BIRCH, 8)
    c.rect(110, 432, 420, 13, tone(BIRCH, -0.32), 0)
    for x in (126, 500):
        for y in (372, 410, 466, 514):
            c.oval(x + 7, y, 5, 5, tone(BIRCH, -0.5), flat=True)
    c.rect(262, 372, 116, 36, tone(BIRCH, -0.5), 18)
    c.shine("M120 354H440", 5, 0.5)


@product("Speaker cable")
def cable(c: Canvas) -> None:
    with c.lifted():
        for at, r in enumerate((190, 168, 146, 124)):
            c.line(
                f"M{320 - r} 320a{r} {r * 0.94} 0 1 0 {2 * r} 0a{r} {r * 0.94} 0 1 0 -{2 * r} 0",
                CREAM if at % 2 else "#d9cdb5",
                18,
            )
        c.line("M320 500C420 520 470 560 560 520", CREAM, 18)
        c.line("M130 320C100 420 90 500 60 560", CREAM, 18)
    for r in (190, 146):
        c.line(f"M{320 - r} 320a{r} {r * 0.94} 0 1 0 {2 * r} 0a{r} {r * 0.94} 0 1 0 -{2 * r} 0", "#b5603a", 4)
    with c.lifted("near"):
        c.rect(292, 120, 56, 100, "#33363c", 12)
        c.rect(292, 440, 56, 90, "#33363c", 12)
    for x, y, colour in ((560, 508, RED), (572, 534, BLACK)):
        c.rect(x, y - 8, 46, 20, colour, 6, rot=-18)
        c.rect(x + 40, y - 14, 34, 11, BRASS, 4, rot=-18)


@product("Condenser microphone")
def microphone(c: Canvas) -> None:
    c.ground(320, 542, 120)
    c.oval(320, 532, 112, 19, IRON)
    c.oval(320, 524, 112, 19, tone(IRON, 0.2))
    c.rect(311, 400, 18, 124, IRON, 4)
    c.line("M226 210V330C226 410 414 410 414 330V210", IRON, 13)
    c.line("M226 220l40 26M414 220l-40 26M226 330l40-26M414 330l-40-26", "#33363c", 5)
    c.rect(256, 252, 128, 130, STEEL, 26)
    c.shape("M256 262V150c0-44 28-66 64-66s64 22 64 66v112z", tone(STEEL, -0.1))
    with c.inside("M264 254V152c0-38 24-58 56-58s56 20 56 58v102z"):
        c.rect(260, 90, 120, 170, "#5a6068", 0)
        for at in range(16):
            c.line(f"M{236 + at * 14} 86l80 176M{404 - at * 14} 86l-80 176", "#c9d1d8", 3)
    c.rect(252, 246, 136, 15, BRASS, 6)
    c.oval(320, 316, 13, 13, BRASS)
    c.shine("M274 276v80", 8, 0.5)


@product("USB audio interface")
def interface(c: Canvas) -> None:
    red = "#a8362f"
    c.ground(320, 542, 220)
    c.shape("M130 330h380l36 50H94z", tone(red, 0.3))
    c.rect(90, 374, 460, 164, red, 16)
    c.rect(108, 390, 424, 132, "#25272b", 10)
    for x in (164, 262):
        c.oval(x, 456, 36, 36, tone(STEEL, -0.3))
        c.oval(x, 456, 28, 28, "#15171a")
        for dx, dy in ((-11, 6), (11, 6), (0, -12)):
            c.oval(x + dx, 456 + dy, 4.5, 4.5, BRASS, flat=True)
    for x, r in ((344, 20), (400, 20), (474, 36)):
        c.oval(x, 456, r, r, STEEL)
        c.oval(x, 456, r * 0.8, r * 0.8, tone(STEEL, 0.25))
        c.line(f"M{x} 456l{r * 0.4}-{r * 0.55}", red, 5)
    for x, colour in ((344, "#5fc48f"), (400, "#eec04f")):
        c.glow(x, 418, 22, colour, 0.8)
        c.oval(x, 418, 5, 5, colour, flat=True)
    c.line("M60 250q20-70 40 0t40 0 40 0 40 0M420 250q20-110 40 0t40 0 40 0 40 0", "#6f6480", 7, opacity=0.7)


@product("Metronome")
def metronome(c: Canvas) -> None:
    c.ground(320, 542, 150)
    c.shape("M270 90h100l84 450H186z", MAHOGANY)
    c.shape("M290 120h60l54 330H236z", tone(MAHOGANY, -0.35))
    c.rect(312, 140, 16, 300, CREAM, 3)
    for at in range(14):
        c.line(f"M314 {156 + at * 20}h{12 if at % 2 else 7}", "#8b5e3c", 2.5)
    c.line("M320 450L388 128", STEEL, 8)
    c.shape("M352 232l44 10-12 40-36-8z", BRASS)
    c.shape("M196 490h248l10 50H186z", tone(MAHOGANY, 0.12))
    c.oval(320, 450, 13, 13, BRASS)
    c.oval(456, 500, 13, 13, BRASS)
    c.line("M456 500h26", BRASS, 7)
    c.rect(258, 74, 124, 22, tone(MAHOGANY, 0.15), 6)
    c.shine("M276 106L204 470", 6, 0.25)
