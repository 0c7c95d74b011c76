"""Things among hills; what stands has its foot at 550."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone
from tools.pictures.drawings import product
from tools.pictures.palette import (
    BLACK,
    BRASS,
    BRICK,
    CLAY,
    CORK,
    CREAM,
    LEATHER,
    MOSS,
    OAK,
    ORANGE,
    RED,
    SLATE,
    SPRUCE,
    STEEL,
    WHITE,
    ZINC,
)


@product("Two-person tent")
def tent(c: Canvas) -> None:
    c.ground(320, 548, 260)
    c.line("M84 552L170 470M556 552L470 470", CREAM, 3)
    c.shape("M320 220C240 300 170 420 110 546H530C470 420 400 300 320 220z", ORANGE)
    c.shape("M320 220C240 300 170 420 110 546H250C260 420 290 300 320 220z", tone(ORANGE, 0.22))
    c.shape("M320 220C350 300 372 420 380 546H250C262 420 290 300 320 220z", "#5b4636")
    c.shape("M320 220C300 320 270 440 226 546H250C262 420 290 300 320 220z", tone(ORANGE, 0.5))
    c.shape("M320 220c24 100 60 230 100 326H380C372 420 350 300 320 220z", tone(ORANGE, 0.35))
    c.line("M320 216V546", "#3b2d24", 3)
    c.line("M320 222C400 302 470 422 530 546", tone(ORANGE, -0.3), 5)
    c.glow(316, 500, 90, "#ffd98a", 0.6)


@product("Down sleeping bag")
def sleeping_bag(c: Canvas) -> None:
    colour = "#3f6a8a"
    with c.lifted(rot=-24):
        c.shape("M320 70C230 70 200 150 214 230L250 560c4 30 136 30 140 0l36-330C440 150 410 70 320 70z", colour)
        c.oval(320, 176, 74, 82, tone(ORANGE, 0.1))
        c.oval(320, 190, 56, 60, tone(ORANGE, -0.3))
    with c.moved(rot=-24):
        for at in range(7):
            y = 278 + at * 42
            half = 97 - at * 4.6
            c.line(f"M{320 - half} {y}Q320 {y + 26} {320 + half} {y}", tone(colour, -0.3), 5, opacity=0.7)
            c.line(f"M{320 - half + 14} {y + 10}Q320 {y + 36} {320 + half - 30} {y + 12}", "#ffffff", 6, opacity=0.18)
        c.line("M372 240L356 540", BRASS, 5)


@product("Insulated sleeping mat")
def mat(c: Canvas) -> None:
    colour = "#d59d3e"
    c.ground(320, 548, 250)
    c.shape("M150 440L560 400 600 500 190 556z", colour)
    for at in range(6):
        c.line(f"M{196 + at * 66} {438 - at * 6}l38 108", tone(colour, -0.24), 5)
        c.line(f"M{222 + at * 66} {436 - at * 6}l38 104", "#ffffff", 9, opacity=0.2)
    c.shape("M190 556L600 500v18L196 576z", tone(colour, -0.35))
    c.rect(70, 400, 150, 160, tone(colour, -0.08), 74)
    c.oval(145, 480, 75, 80, tone(colour, 0.12))
    for r in (58, 42, 26, 11):
        c.line(f"M{145 - r} 480a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 -{2 * r} 0", tone(colour, -0.3), 5)


@product("Roll-top backpack")
def backpack(c: Canvas) -> None:
    c.ground(320, 550, 150)
    c.line("M206 280C150 320 150 470 210 520M434 280c56 40 56 190-4 240", tone(SPRUCE, -0.35), 24)
    c.shape("M206 240h228l22 270c2 28-18 42-46 42H230c-28 0-48-14-46-42z", SPRUCE)
    c.shape("M214 160h212l8 90H206z", tone(SPRUCE, 0.12))
    c.rect(200, 138, 240, 36, tone(SPRUCE, -0.14), 16)
    c.rect(282, 128, 76, 14, BLACK, 7)
    c.line("M250 156V300M390 156V300", BLACK, 11, cap="butt")
    c.rect(238, 270, 24, 34, BRASS, 5)
    c.rect(378, 270, 24, 34, BRASS, 5)
    c.rect(226, 372, 188, 140, tone(SPRUCE, -0.12), 20)
    c.line("M240 400H400", ORANGE, 6)
    c.shine("M222 210l-8 120", 7, 0.3)
    c.rect(300, 320, 40, 26, CREAM, 4)


def boot(c: Canvas, colour: str, sole: str, high: float) -> None:
    """One shoe that looks to the right; `high` is where its top is."""
    c.shape(f"M150 500V{high}c30 14 90 14 120 0 10 50 30 90 70 110 70 26 140 40 150 90 2 20 0 30-4 40H160z", colour)
    c.shape("M146 520h344c14 0 16 14 10 26-10 14-24 14-40 14H190c-30 0-46-8-44-40z", sole)
    for at in range(11):
        c.rect(156 + at * 31, 552, 19, 15, tone(sole, -0.3), 3)


@product("Trail running shoes")
def trail_shoes(c: Canvas) -> None:
    c.ground(330, 560, 220)
    with c.moved(60, -60, 0.94):
        _runner(c, tone("#2b8a8f", -0.3), tone(ORANGE, -0.25))
    _runner(c, "#2b8a8f", ORANGE)
    c.line("M176 500C230 490 270 456 292 420M230 508c60-10 96-36 116-60", CREAM, 9)
    for at in range(5):
        c.line(f"M{270 + at * 30} {396 + at * 17}l24-24", WHITE, 8)
    c.shape("M410 516c6-30 44-50 80-34 8 10 8 24 6 34z", tone(ORANGE, 0.1))
    c.line("M130 380c-16-6-20-24-10-38", ORANGE, 9)


def _runner(c: Canvas, colour: str, sole: str) -> None:
    c.shape(
        "M124 520V370c0-14 12-20 26-14 34 14 66 6 92-22 12-12 26-10 36 2 46 56 96 96 168 110 44 10 58 40 56 74z", colour
    )
    c.shape("M116 512h392c14 0 16 14 10 28-8 14-22 16-38 16H150c-30 0-40-14-34-44z", sole)
    for at in range(12):
        c.rect(130 + at * 31, 550, 19, 15, tone(sole, -0.35), 3)


@product("Leather hiking boots")
def hiking_boots(c: Canvas) -> None:
    c.ground(330, 560, 220)
    with c.moved(62, -26, 0.94):
        boot(c, tone(LEATHER, -0.3), "#33302e", 270)
    boot(c, LEATHER, "#3a3634", 260)
    c.shape("M146 262c30 20 96 20 128 0l4 34c-40 20-96 20-132 0z", tone(LEATHER, 0.35))
    c.shape("M398 470c60 14 92 30 92 60v6H420c-20-20-30-46-22-66z", tone(LEATHER, -0.22))
    for at in range(6):
        y = 310 + at * 24
        x = 262 + max(0, at - 2) * 19
        c.line(f"M{x} {y}l34-7", RED, 7)
        c.oval(x - 4, y + 2, 6, 6, BRASS)
    c.line("M170 320c10 80 10 130 4 190", tone(LEATHER, -0.35), 4)
    c.shine("M300 440c24 20 50 30 80 38", 6, 0.25)


@product("Titanium camp mug")
def camp_mug(c: Canvas) -> None:
    c.ground(300, 552, 140)
    c.line("M424 360h70c14 0 20 8 20 20v74c0 12-6 20-20 20h-70", tone(STEEL, -0.2), 11)
    c.shape("M184 320h240v206c0 16-10 26-26 26H210c-16 0-26-10-26-26z", "#aab0b5")
    c.oval(304, 320, 120, 28, tone("#aab0b5", 0.35))
    c.oval(304, 324, 108, 21, "#5a3d2b")
    for y in (380, 420, 460):
        c.line(f"M184 {y}h20M404 {y}h20", tone("#aab0b5", -0.3), 3)
    c.shine("M214 366v150", 14, 0.4)
    c.shade("M372 344h52v182c0 16-10 26-26 26h-26z", 0.12)
    for x in (264, 304, 344):
        c.line(f"M{x} 280c-16-20 16-36 0-60s14-34 2-52", "#ffffff", 8, opacity=0.6)


@product("Folding camp stove")
def stove(c: Canvas) -> None:
    c.ground(320, 552, 160)
    c.line("M320 470L190 548M320 470L450 548M320 470v78", STEEL, 11)
    c.rect(284, 430, 72, 62, tone(STEEL, -0.1), 10)
    c.rect(356, 452, 70, 13, BRASS, 6)
    c.oval(430, 458, 18, 18, RED)
    c.line("M240 380h160M262 380l36 56M378 380l-36 56", STEEL, 11)
    for x, s in ((266, 0.8), (302, 1.1), (338, 1.1), (374, 0.8)):
        c.shape(
            f"M{x} {382 - 44 * s}c{14 * s} {18 * s} {14 * s} 30 0 44-{14 * s}-14-{14 * s}-26 0-44z",
            "#6fb7e8",
            opacity=0.9,
        )
    c.glow(320, 370, 110, "#9fd4f5", 0.6)
    c.shape("M216 208h208v110c0 16-10 26-26 26H242c-16 0-26-10-26-26z", tone(STEEL, 0.1))
    c.oval(320, 208, 104, 20, tone(STEEL, 0.4))
    c.line("M216 236c-60-10-60 66 0 60M424 236c60-10 60 66 0 60", BLACK, 9)
    c.oval(320, 196, 90, 15, tone(STEEL, -0.1))
    c.oval(320, 180, 13, 11, BLACK)
    c.shine("M240 240v76", 9, 0.5)


@product("Insulated bottle")
def bottle(c: Canvas) -> None:
    c.ground(320, 552, 90)
    c.shape("M258 260c0-40 20-50 20-76h84c0 26 20 36 20 76v266c0 18-10 28-28 28h-68c-18 0-28-10-28-28z", BRICK)
    c.rect(272, 122, 96, 66, BLACK, 14)
    c.line("M296 124c0-46 48-46 48 0", BLACK, 13)
    c.rect(258, 510, 124, 20, tone(STEEL, 0.1), 0)
    c.shine("M282 260V490", 13, 0.35)
    c.shade("M350 190c6 24 32 40 32 76v260c0 18-10 28-28 28h-16z", 0.14)
    c.shape("M320 340l34 50h-22l26 40h-76l26-40h-22z", CREAM, opacity=0.9)


@product("Headlamp")
def headlamp(c: Canvas) -> None:
    c.glow(300, 330, 250, "#fff3cf", 0.9)
    with c.lifted():
        c.line("M230 300C110 250 120 460 250 500S540 480 530 350 470 250 400 292", SLATE, 38)
    c.dashes("M230 300C110 250 120 460 250 500S540 480 530 350 470 250 400 292", ORANGE, 9, "26 16")
    with c.lifted("near"):
        c.rect(206, 250, 210, 142, BLACK, 40)
    c.oval(282, 322, 54, 54, tone(STEEL, -0.1))
    c.oval(282, 322, 42, 42, "#fff7df", flat=True)
    c.glow(282, 322, 80, "#ffffff", 0.9)
    c.oval(372, 322, 18, 18, RED)
    c.rect(290, 240, 54, 17, ORANGE, 8)


@product("Pocket knife")
def pocket_knife(c: Canvas) -> None:
    with c.lifted(rot=-24, move=(0, 40)):
        c.shape("M300 300L560 286c16-30 20-40-6-44l-234 16c-20 4-34 20-20 42z", STEEL)
        c.shape("M300 300L560 286c6-10 10-18 12-24L296 284z", tone(STEEL, 0.4), flat=True)
        c.shape("M96 290c-10-36 10-54 46-56l174-8c24 0 30 14 30 40s-8 44-32 46l-170 10c-24 2-40-8-48-32z", "#a8834c")
        c.rect(302, 226, 42, 86, BRASS, 12)
    with c.moved(0, 40, 1, -24):
        c.line("M120 262c60-16 110-8 180-16M126 288c60-12 110-2 170-12", "#6f5229", 3, opacity=0.6)
        for x in (150, 270):
            c.oval(x, 272, 6, 6, BRASS)
        c.line("M96 272c-36-6-44 34-14 40 24 2 34-14 30-26", STEEL, 7)


@product("Trekking poles, pair")
def poles(c: Canvas) -> None:
    c.ground(330, 556, 170)
    for x0, x1, colour in ((230, 180, "#4b4f57"), (400, 460, "#3a3d44")):
        c.line(f"M{x0} 130L{x1} 548", colour, 12)
        c.line(f"M{x0 + (x1 - x0) * 0.4} 297L{x0 + (x1 - x0) * 0.72} 431", ORANGE, 12)
        c.line(f"M{x0 - (x1 - x0) * 0.06} 90L{x0 + (x1 - x0) * 0.14} 190", CORK, 27)
        c.line(f"M{x0 - (x1 - x0) * 0.07} 84l-2-6", BLACK, 31)
        c.oval(x0 + (x1 - x0) * 0.91, 512, 34, 11, BLACK)
        c.line(f"M{x1} 540l{(x1 - x0) * 0.03} 16", STEEL, 6)
    c.line("M226 92c-44 10-50 70-14 90M404 92c44 10 50 70 14 90", "#2b6a73", 7)


@product("Cotton hammock")
def hammock(c: Canvas) -> None:
    for x in (54, 560):
        c.rect(x, 120, 30, 440, tone(OAK, -0.4), 8)
    for x in (70, 574):
        c.oval(x, 110, 96, 80, "#6f8f66")
        c.oval(x - 30, 160, 70, 56, tone("#6f8f66", 0.1))
    for at in range(6):
        c.line(f"M84 280L{150 + at * 6} {330 + at * 22}M560 280L{490 - at * 6} {330 + at * 22}", CREAM, 3)
    with c.lifted("near"):
        c.shape("M144 326C220 470 420 470 496 326c4 100-60 180-176 180S140 426 144 326z", "#f0e4c8")
    with c.inside("M144 326C220 470 420 470 496 326c4 100-60 180-176 180S140 426 144 326z"):
        for at in range(8):
            c.line(
                f"M{150 + at * 50} 300C{190 + at * 38} 400 {240 + at * 24} 480 {262 + at * 18} 520",
                "#4d6a93",
                13,
                opacity=0.9,
            )
    for at in range(15):
        x = 176 + at * 21
        c.line(f"M{x} {442 + 66 * (1 - ((x - 320) / 160) ** 2) - 6}v26", "#f0e4c8", 4)


@product("Picnic blanket")
def picnic(c: Canvas) -> None:
    colour = "#b8453b"
    c.ground(320, 520, 200)
    c.rect(130, 300, 380, 216, colour, 60)
    with c.inside("M190 300h260a60 60 0 0 1 60 60v96a60 60 0 0 1-60 60H190a60 60 0 0 1-60-60v-96a60 60 0 0 1 60-60z"):
        for at in range(8):
            c.line(f"M{150 + at * 52} 290V530", CREAM, 15, cap="butt", opacity=0.5)
            c.line(f"M120 {314 + at * 36}H520", CREAM, 12, cap="butt", opacity=0.5)
            c.line(f"M{176 + at * 52} 290V530M120 {332 + at * 36}H520", NAVY_LINE, 4, cap="butt", opacity=0.7)
        c.shape("M130 440c120 30 260 30 380 0v90H130z", "#2a2320", flat=True, opacity=0.16)
    c.oval(130 + 26, 408, 30, 104, tone(colour, -0.25))
    c.oval(156, 408, 18, 74, "#46505a")
    for x in (226, 392):
        c.rect(x, 290, 32, 236, LEATHER, 5)
        c.rect(x - 6, 372, 44, 40, BRASS, 8)
        c.rect(x + 5, 382, 22, 20, LEATHER, 3)
    c.line("M242 292C250 210 400 210 408 292", LEATHER, 19)
    c.rect(280, 218, 90, 26, tone(LEATHER, -0.2), 12)


NAVY_LINE = "#33486c"


@product("Watering can")
def watering_can(c: Canvas) -> None:
    c.ground(320, 552, 170)
    c.line("M392 300C500 210 560 340 440 480", tone(ZINC, -0.15), 18)
    c.line("M262 300C270 190 380 190 392 296", ZINC, 18)
    c.shape("M210 476L88 300l30-22 108 112z", tone(ZINC, -0.05))
    c.shape("M62 306l64-60 16 36-34 30z", BRASS)
    for x, y in ((78, 294), (94, 280), (110, 264)):
        c.oval(x, y, 3, 3, "#6b5220", flat=True)
    c.shape("M214 300h206l18 232c0 12-8 20-22 20H218c-14 0-22-8-22-20z", ZINC)
    c.oval(317, 300, 103, 24, tone(ZINC, 0.3))
    c.oval(317, 303, 88, 17, tone(ZINC, -0.4))
    c.line("M208 380H426M202 480H434", tone(ZINC, -0.25), 5)
    c.shine("M240 340l-10 190", 11, 0.45)
    for x, y in ((40, 350), (64, 380), (30, 410), (78, 430), (50, 460)):
        c.shape(f"M{x} {y}c8 14 12 20 12 28a12 12 0 0 1-24 0c0-8 4-14 12-28z", "#7fb0d0", opacity=0.85)
    for x in (470, 520, 560):
        c.line(f"M{x} 556c-4-30-14-50-24-60M{x} 556c4-40 12-60 26-72", MOSS, 6)
        c.oval(x + 28, 476, 15, 15, CLAY)
