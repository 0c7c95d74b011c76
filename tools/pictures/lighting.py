"""Lamps in the evening; what stands has its foot at 540."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone
from tools.pictures.drawings import product
from tools.pictures.palette import ASH, BLACK, BRASS, BRONZE, CREAM, FOREST, IRON, OAK, OLIVE, STEEL, WHITE

WARM = "#ffd98a"
LIT = "#fff0c9"


@product("Brass desk lamp")
def desk_lamp(c: Canvas) -> None:
    c.ground(330, 540, 130, dark=0.5)
    c.glow(206, 330, 260, WARM, 0.75)
    c.shape("M150 300L60 540H330L262 300z", WARM, flat=True, opacity=0.22)
    c.oval(372, 534, 92, 19, tone(BRASS, -0.25))
    c.oval(372, 526, 92, 19, BRASS)
    c.line("M372 520L440 330L270 232", BRASS, 14)
    c.shine("M374 512L440 326", 3, 0.5)
    c.oval(440, 330, 15, 15, tone(BRASS, 0.2))
    c.oval(206, 300, 66, 16, LIT, flat=True)
    c.shape("M286 214l-30-24c-50-6-110 50-118 108h138c0-34 6-54 10-84z", BRASS)
    c.shine("M160 276c14-36 42-62 76-70", 6)


@product("Paper pendant")
def paper(c: Canvas) -> None:
    c.line("M320 0V150", "#10151f", 4)
    c.glow(320, 300, 320, WARM, 0.7)
    c.shape("M320 140C150 150 110 300 190 430h260c80-130 40-280-130-290z", "#fbe7bd")
    for at, x in enumerate((130, 196, 258, 320, 382, 444, 510)):
        bottom = 190 + at * 43.3
        colour = tone("#fbe7bd", -0.12 - 0.03 * at)
        c.line(f"M320 142C{x} 190 {x} 320 {bottom} 430", colour, 3, opacity=0.7)
    c.shape("M190 430h260l-16 14H206z", "#e8cc97")
    c.oval(320, 300, 120, 110, "#fffaf0", flat=True)
    c.glow(320, 300, 190, "#fffaf0", 0.9)
    c.rect(304, 128, 32, 18, BRASS, 4)


@product("Opal glass globe")
def globe(c: Canvas) -> None:
    c.line("M320 0V170", BRASS, 6)
    c.glow(320, 312, 310, LIT, 0.75)
    c.oval(320, 312, 140, 140, "#fff6e2")
    c.glow(290, 280, 140, "#ffffff", 0.9)
    c.rect(284, 158, 72, 26, BRASS, 8)
    c.shine("M214 272c14-34 38-56 66-64", 9, 0.8)


@product("Tripod floor lamp")
def tripod(c: Canvas) -> None:
    c.ground(320, 542, 130, dark=0.5)
    c.glow(320, 250, 280, WARM, 0.6)
    c.line("M320 300L324 520", tone(ASH, -0.3), 11)
    c.line("M312 300L216 540M328 300L424 540", ASH, 14)
    c.rect(298, 288, 44, 22, BRASS, 6)
    c.shape("M238 142h164l46 150H192z", "#f6dfae")
    c.shape("M238 142h164l4 14H234z", LIT, flat=True)
    c.shape("M198 276h244l6 16H192z", LIT, flat=True)
    c.line("M352 292v84", BRASS, 3)
    c.oval(352, 384, 6, 9, BRASS)


@product("Clamp-on spotlight")
def clamp(c: Canvas) -> None:
    c.rect(0, 420, 420, 22, OAK, 0)
    c.shade("M0 442h420l-10 14H0z", 0.3)
    c.glow(450, 420, 280, WARM, 0.5)
    c.shape("M404 300L640 470V640H360z", WARM, flat=True, opacity=0.16)
    c.line("M236 400L262 300", IRON, 14)
    c.rect(206, 380, 54, 40, tone("#c6453b", -0.1), 8)
    c.rect(206, 442, 54, 26, tone("#c6453b", -0.2), 6)
    c.rect(226, 400, 14, 50, IRON, 2)
    with c.moved(rot=38):
        c.rect(236, 216, 150, 104, "#c6453b", 22)
        c.shape("M366 222h30l46-26v144l-46-26h-30z", "#c6453b")
        c.oval(442, 268, 18, 72, LIT, flat=True)
        c.shine("M256 236h96", 6)
    c.oval(262, 300, 17, 17, IRON)


@product("Bedside reading light")
def reading(c: Canvas) -> None:
    c.glow(420, 400, 260, WARM, 0.55)
    c.shape("M420 318L300 640H640V560z", WARM, flat=True, opacity=0.2)
    with c.lifted("near"):
        c.rect(150, 150, 74, 130, BLACK, 20)
    c.oval(187, 190, 13, 13, BRASS)
    c.line("M187 236C187 380 300 200 396 270", BRASS, 13)
    with c.moved(rot=34):
        c.rect(340, 206, 120, 58, BRASS, 22)
        c.oval(460, 235, 13, 29, LIT, flat=True)
        c.shine("M360 220h70", 5)
    c.rect(0, 560, 640, 80, "#e9dfd2", 0)
    c.shape("M60 560c10-40 50-52 120-50s150 6 170 50z", WHITE)


@product("Portable table lamp")
def portable(c: Canvas) -> None:
    c.ground(320, 540, 110, dark=0.5)
    c.glow(320, 270, 290, WARM, 0.65)
    c.oval(320, 532, 86, 18, tone(OLIVE, -0.25))
    c.oval(320, 524, 86, 18, OLIVE)
    c.rect(310, 300, 20, 226, OLIVE, 8)
    c.oval(320, 306, 100, 22, LIT, flat=True)
    c.shape("M218 306C220 212 256 170 320 170s100 42 102 136c-40 22-164 22-204 0z", OLIVE)
    c.oval(320, 308, 92, 15, LIT, flat=True)
    c.shine("M242 272c8-40 28-66 58-76", 7)


@product("Enamel factory shade")
def factory(c: Canvas) -> None:
    c.line("M320 0V140", "#10151f", 5)
    c.glow(320, 360, 300, WARM, 0.65)
    c.shape("M150 372L50 640H590L490 372z", WARM, flat=True, opacity=0.18)
    c.rect(296, 128, 48, 52, IRON, 8)
    c.oval(320, 372, 190, 34, WHITE)
    c.shape("M276 176h88c6 70 128 70 146 196-90 34-290 34-380 0 18-126 140-126 146-196z", FOREST)
    c.shape("M130 372c90 34 290 34 380 0l3 12c-90 36-296 36-386 0z", WHITE)
    c.oval(320, 392, 62, 16, LIT, flat=True)
    c.shine("M182 322c22-48 60-70 92-92", 8, 0.4)


@product("Stoneware table lamp")
def stoneware(c: Canvas) -> None:
    c.ground(320, 540, 120, dark=0.5)
    c.glow(320, 230, 290, WARM, 0.6)
    c.shape("M270 330h100c0 40 62 70 62 130 0 50-50 76-112 76s-112-26-112-76c0-60 62-90 62-130z", "#c9bda6")
    c.shape("M212 440c30 26 186 26 216 0 6 60-40 96-108 96s-114-36-108-96z", "#6f8d92")
    c.shine("M244 420c6-26 20-40 32-54", 8)
    c.rect(300, 296, 40, 40, BRASS, 6)
    c.shape("M238 130h164l44 176H194z", "#f6dfae")
    c.shape("M199 288h242l5 18H194z", LIT, flat=True)
    c.shape("M238 130h164l3 12H235z", LIT, flat=True)


@product("Wall lamp with swing arm")
def swing(c: Canvas) -> None:
    c.glow(420, 340, 290, WARM, 0.6)
    c.shape("M360 392L250 640H600L490 392z", WARM, flat=True, opacity=0.2)
    with c.lifted("near"):
        c.rect(96, 190, 52, 190, BRASS, 14)
    c.line("M148 236L298 214L424 250", BRASS, 12)
    c.line("M148 330L298 236", tone(BRASS, -0.2), 8)
    c.oval(298, 216, 15, 15, tone(BRASS, 0.2))
    c.rect(413, 246, 22, 40, BRASS, 5)
    c.shape("M376 272h96l40 122H336z", "#f6dfae")
    c.shape("M341 378h166l5 16H336z", LIT, flat=True)


@product("String of ten lights")
def string(c: Canvas) -> None:
    c.line("M-10 130C120 300 230 300 330 190", "#12161c", 6)
    c.line("M330 190C420 360 560 350 660 170", "#12161c", 6)
    c.rect(320, 150, 20, 400, tone(OAK, -0.35), 4)
    spots = (
        (36, 186),
        (94, 240),
        (156, 268),
        (222, 268),
        (284, 232),
        (380, 258),
        (436, 302),
        (500, 312),
        (562, 282),
        (614, 230),
    )
    for x, y in spots:
        c.glow(x, y + 52, 92, WARM, 0.85)
    for x, y in spots:
        c.rect(x - 9, y, 18, 24, BLACK, 4)
        c.shape(f"M{x - 8} {y + 22}h16c14 14 14 44-8 48-22-4-22-34-8-48z", LIT, flat=True)
        c.line(f"M{x - 4} {y + 36}l3 14 4-14 3 14", "#e08a3c", 2.5)


@product("Hurricane lantern")
def lantern(c: Canvas) -> None:
    c.ground(320, 542, 120, dark=0.5)
    c.glow(320, 350, 290, "#ffc56a", 0.75)
    c.line("M216 460C190 300 220 130 320 130s130 170 104 330", STEEL, 8)
    c.rect(212, 460, 216, 74, STEEL, 22)
    c.rect(262, 436, 116, 30, tone(STEEL, -0.15), 8)
    c.shape("M276 256c-40 60-40 130-8 182h104c32-52 32-122-8-182z", "#fff3d4", flat=True, opacity=0.5)
    c.shape("M320 300c26 44 34 66 34 86 0 24-14 40-34 40s-34-16-34-40c0-20 8-42 34-86z", "#ffb545", flat=True)
    c.shape("M320 346c14 26 18 38 18 50 0 14-8 22-18 22s-18-8-18-22c0-12 4-24 18-50z", "#fff3d4", flat=True)
    c.rect(268, 224, 104, 36, STEEL, 10)
    c.rect(286, 178, 68, 48, tone(STEEL, -0.1), 12)
    c.line("M216 350H424M216 312H424", STEEL, 4, opacity=0.8)
    c.shine("M284 280c-18 40-18 80-8 120", 6, 0.7)
    c.shine("M236 476h120", 6, 0.5)


@product("Rice lamp for a child's room")
def moon(c: Canvas) -> None:
    c.ground(320, 540, 120, dark=0.5)
    c.glow(320, 340, 320, "#fff0c9", 0.75)
    c.rect(240, 500, 160, 36, ASH, 14)
    c.oval(320, 340, 168, 168, "#fbeac2")
    for x, y, r in ((258, 270, 28), (372, 250, 17), (400, 340, 32), (296, 392, 38), (236, 352, 15), (346, 440, 20)):
        c.oval(x, y, r, r * 0.95, tone("#fbeac2", -0.09), flat=True)
    c.glow(270, 280, 170, "#ffffff", 0.65)
    for x, y, r in ((90, 120, 5), (170, 70, 3), (520, 100, 5), (580, 220, 3), (80, 260, 3), (470, 60, 3)):
        c.oval(x, y, r, r, "#fff0c9", flat=True)


@product("Bronze picture light")
def picture_light(c: Canvas) -> None:
    c.glow(320, 330, 290, WARM, 0.6)
    with c.lifted():
        c.rect(150, 216, 340, 290, BRONZE, 6)
        c.rect(172, 238, 296, 246, CREAM, 2)
    with c.inside("M192 258h256v206h-256z"):
        c.rect(192, 258, 256, 206, "#cfe0e4")
        c.oval(392, 316, 30, 30, "#f2c46b", flat=True)
        c.shape("M180 420l90-90 70 70 60-50 80 80v60H180z", "#7ba6a8")
        c.shape("M180 450c90-50 180-10 280-40v80H180z", FOREST)
    c.shape("M210 176h220l60 330H150z", WARM, flat=True, opacity=0.18)
    c.line("M320 216V130C320 110 320 104 320 150", BRONZE, 12)
    c.rect(202, 140, 236, 40, BRONZE, 20)
    c.rect(216, 172, 208, 9, LIT, 4, flat=True)
    c.shine("M222 152h180", 5, 0.4)


@product("Dimmable filament bulb")
def bulb(c: Canvas) -> None:
    c.line("M320 0V120", "#10151f", 6)
    c.glow(320, 340, 310, "#ffc56a", 0.75)
    c.rect(282, 108, 76, 76, BRASS, 10)
    for y in (126, 144, 162):
        c.line(f"M284 {y}h72", tone(BRASS, -0.3), 4)
    c.shape(
        "M288 184h64c0 60 100 90 100 186 0 74-58 124-132 124s-132-50-132-124c0-96 100-126 100-186z",
        "#ffe9b8",
        flat=True,
        opacity=0.34,
    )
    c.line("M306 186L278 300M334 186L362 300", "#7d6a4a", 4)
    c.line("M278 300L292 420L308 300L320 424L332 300L348 420L362 300", "#ffb545", 6)
    c.line("M278 300L292 420L308 300L320 424L332 300L348 420L362 300", "#fff3d4", 2.5)
    c.shine("M222 340c8-40 34-66 58-90", 9, 0.6)
    c.shine("M214 390c0 14 4 28 8 36", 7, 0.5)
