"""Things on a worktop; what stands has its foot at 540."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone
from tools.pictures.drawings import product
from tools.pictures.palette import BEECH, BLACK, BRASS, CREAM, IRON, MOSS, OAT, SEA, STEEL, STONE, WALNUT, WHITE


@product("Carbon steel pan")
def pan(c: Canvas) -> None:
    c.ground(290, 520, 220)
    with c.lifted():
        c.line("M400 300L600 178", tone(IRON, -0.2), 26)
        c.oval(590, 184, 7, 7, "#cfdccf", flat=True)
        c.oval(270, 380, 206, 128, IRON)
        c.oval(270, 372, 190, 114, tone(IRON, -0.3))
    c.oval(270, 380, 160, 92, tone(IRON, -0.14))
    c.shape("M190 372c-10-40 40-62 84-54 50-10 96 14 84 56-4 46-60 52-90 44-44 10-76-10-78-46z", WHITE)
    c.oval(282, 368, 37, 29, "#f0b23c")
    c.shine("M262 354c10-8 24-10 34-6", 6, 0.6)
    c.shine("M100 350c20-44 80-76 150-82", 5, 0.35)


@product("Enamelled casserole")
def casserole(c: Canvas) -> None:
    body = "#a9493a"
    c.ground(320, 542, 210)
    for x in (112, 484):
        out = -44 if x < 300 else 44
        c.line(f"M{x + 22} 366c{out} 0 {out} 48 0 48", tone(body, -0.15), 18)
    c.shape("M130 336h380v110c0 60-40 94-100 94H230c-60 0-100-34-100-94z", body)
    c.shape("M116 320h408c6 0 10 6 8 12l-6 18H114l-6-18c-2-6 2-12 8-12z", tone(body, 0.16))
    c.shape("M132 320c10-60 90-86 188-86s178 26 188 86z", tone(body, 0.06))
    c.rect(290, 196, 60, 24, BRASS, 12)
    c.rect(308, 212, 24, 26, tone(BRASS, -0.2), 4)
    c.shine("M160 304c20-30 60-44 110-50", 7)
    c.shine("M156 380v60c0 26 10 46 28 60", 7, 0.35)


@product("Chef's knife")
def chefs_knife(c: Canvas) -> None:
    with c.lifted(rot=-32):
        c.shape("M60 300H420v64c-90 30-240 34-360-64z", STEEL)
        c.shape("M60 300c120 98 270 94 360 64v-14C330 376 190 380 60 300z", tone(STEEL, 0.5), flat=True)
        c.rect(418, 296, 22, 70, tone(STEEL, -0.2), 4)
        c.shape("M438 298h130c24 0 32 14 28 34-4 22-14 32-34 30l-124-6z", WALNUT)
    with c.moved(rot=-32):
        for x in (470, 510, 550):
            c.oval(x, 328, 7, 7, BRASS)
        c.shine("M90 306H410", 4, 0.7)


@product("Paring knife")
def paring(c: Canvas) -> None:
    with c.lifted():
        c.oval(236, 424, 92, 86, "#c6453b")
        c.oval(416, 460, 62, 60, "#d59d3e")
    c.shine("M170 400c8-26 22-40 44-46", 8, 0.4)
    c.line("M236 350c-2-20 6-34 18-42", "#6b4a34", 8)
    c.oval(276, 310, 24, 11, MOSS, rot=-24)
    with c.lifted(rot=24, move=(20, -60)):
        c.shape("M130 236l220-6v54c-90 6-170-8-220-48z", STEEL)
        c.shape("M130 236c50 40 130 54 220 48v-12c-90 4-160-6-220-36z", tone(STEEL, 0.5), flat=True)
        c.rect(348, 226, 16, 60, tone(STEEL, -0.2), 3)
        c.shape("M362 226h140c20 0 26 14 22 32-3 18-12 26-28 24l-134 2z", WALNUT)
        c.oval(410, 256, 6, 6, BRASS)
        c.oval(460, 256, 6, 6, BRASS)


@product("Bread knife")
def bread_knife(c: Canvas) -> None:
    with c.lifted(rot=-8, move=(0, 60)):
        c.shape("M110 340c-10-70 60-110 210-110s220 40 210 110c-4 60-60 80-210 80s-206-20-210-80z", "#c48a4a")
        c.shape("M130 336c-4-50 60-84 190-84s194 34 190 84c-30-40-100-56-190-56s-160 16-190 56z", "#dba863")
        for x in (210, 300, 390):
            c.shape(f"M{x} 268c30 6 50 30 56 64-30-8-54-34-56-64z", "#f0d39a")
    with c.lifted(rot=-14, move=(0, -80)):
        bumps = "q12 22 24 0" * 14
        c.shape(f"M70 300L408 296v36H408M70 300l-6 22{bumps}h8V296z", STEEL)
        c.rect(404, 290, 16, 52, tone(STEEL, -0.2), 3)
        c.shape("M418 292h140c20 0 26 12 22 28-3 16-12 22-28 20l-134-2z", WALNUT)
        c.oval(466, 316, 6, 6, BRASS)
        c.oval(520, 316, 6, 6, BRASS)


@product("End-grain cutting board")
def board(c: Canvas) -> None:
    with c.lifted(rot=-10):
        c.rect(110, 180, 420, 300, "#a4713f", 22)
        with c.inside(
            "M132 170h376a22 22 0 0 1 22 22v250a22 22 0 0 1-22 22H132a22 22 0 0 1-22-22V192a22 22 0 0 1 22-22z"
        ):
            for row in range(6):
                for column in range(8):
                    colour = ("#d9ab6f", "#c9965a", "#e3bb82", "#b98550")[(row * 3 + column * 5 + row * column) % 4]
                    c.rect(108 + column * 54 - (row % 2) * 22, 168 + row * 50, 53, 49, colour, 2)
    with c.lifted("near", rot=-10):
        c.oval(392, 300, 58, 54, "#c6453b")
        c.shape("M214 372c40-60 100-70 124-64-10 40-60 84-124 64z", MOSS)
        c.shape("M190 330c20-50 70-70 100-66-4 36-44 74-100 66z", "#9caf8c")
    c.oval(384, 288, 9, 9, "#3f5d49")
    c.shine("M352 306c6-18 20-28 34-32", 6, 0.4)


@product("Stovetop espresso maker")
def moka(c: Canvas) -> None:
    c.ground(310, 542, 120)
    c.line("M404 250C480 250 480 270 470 380", BLACK, 24)
    c.shape("M226 390h168l34 150H192z", tone(STEEL, 0.05))
    c.shape("M226 390h56l-16 150h-74z", tone(STEEL, 0.4), flat=True)
    c.shape("M338 390h56l34 150h-74z", tone(STEEL, -0.28), flat=True)
    c.rect(218, 366, 184, 30, tone(STEEL, -0.2), 6)
    c.shape("M206 210l-40-8 46 80z", tone(STEEL, -0.1))
    c.shape("M204 204h206l-18 164H228z", tone(STEEL, 0.08))
    c.shape("M204 204h66l-6 164h-36z", tone(STEEL, 0.42), flat=True)
    c.shape("M346 204h64l-18 164h-40z", tone(STEEL, -0.26), flat=True)
    c.shape("M200 204l26-34h160l28 34z", tone(STEEL, 0.2))
    c.rect(294, 136, 26, 38, BLACK, 9)


@product("Gooseneck kettle")
def kettle(c: Canvas) -> None:
    c.ground(330, 542, 150)
    c.line("M238 470C150 470 190 330 110 300", tone(STEEL, -0.15), 19)
    c.shine("M232 462C160 458 196 330 118 300", 4, 0.7)
    c.line("M430 290C560 250 570 440 452 450", BLACK, 25)
    c.shape("M236 290h200l38 230c2 12-6 20-18 20H216c-12 0-20-8-18-20z", STEEL)
    c.shape("M252 270h168l16 24H236z", tone(STEEL, -0.2))
    c.oval(336, 270, 84, 15, tone(STEEL, 0.2))
    c.rect(318, 226, 36, 30, BLACK, 12)
    c.shine("M262 320l-24 180", 12, 0.6)
    c.shade("M420 310l32 210c0 8-4 14-10 14h-30z", 0.12)
    c.rect(196, 532, 280, 12, BLACK, 6)


@product("Hand coffee grinder")
def grinder(c: Canvas) -> None:
    c.ground(320, 542, 110)
    c.line("M320 168L470 140", tone(STEEL, -0.1), 12)
    c.oval(476, 132, 26, 20, WALNUT)
    c.rect(306, 152, 28, 40, STEEL, 6)
    c.shape("M252 190h136l10 40H242z", tone(STEEL, -0.1))
    c.rect(238, 226, 164, 190, STEEL, 10)
    c.rect(238, 296, 164, 70, WALNUT, 4)
    c.rect(246, 414, 148, 126, tone(WALNUT, 0.08), 14)
    c.shine("M262 240v46M262 378v30", 9, 0.6)
    c.shine("M266 436v80", 7, 0.25)
    for x, y, turn in ((130, 526, 20), (176, 534, -30), (470, 532, 10), (512, 524, -20), (104, 540, -10)):
        c.oval(x, y, 18, 12, "#5a3d2b", rot=turn)
        c.line(f"M{x - 12} {y}q12 6 24 0", "#3a261a", 3)


@product("Stoneware mug")
def mug(c: Canvas) -> None:
    c.ground(300, 542, 140)
    c.line("M420 320C540 300 540 480 410 470", tone(SEA, -0.12), 30)
    c.shape("M180 270h250v196c0 46-36 74-80 74h-90c-44 0-80-28-80-74z", SEA)
    c.shape("M180 440h250v26c0 46-36 74-80 74h-90c-44 0-80-28-80-74z", OAT)
    c.oval(305, 270, 125, 30, tone(SEA, 0.3))
    c.oval(305, 274, 110, 23, "#4f3524")
    c.oval(300, 276, 70, 12, "#6e4a30")
    c.shine("M208 320v90", 11, 0.4)
    for x in (260, 305, 350):
        c.line(f"M{x} 226c-16-20 16-36 0-60s14-34 2-52", "#ffffff", 8, opacity=0.5)


@product("Set of four soup plates")
def plates(c: Canvas) -> None:
    c.ground(320, 542, 210)
    for at, y in enumerate((520, 484, 448, 412)):
        colour = OAT if at % 2 else SEA
        c.shape(f"M110 {y - 40}h420c-10 36-80 58-120 62H230c-40-4-110-26-120-62z", tone(colour, -0.05))
        c.oval(320, y - 40, 210, 44, tone(colour, 0.24))
        c.shade(f"M110 {y - 40}c40 36 380 36 420 0-30 50-390 50-420 0z", 0.10)
    c.oval(320, 374, 172, 31, tone(OAT, -0.1))
    c.oval(320, 378, 130, 22, tone(OAT, 0.1))
    with c.lifted("near"):
        c.shape("M240 366c20-34 90-40 150-18-30 30-100 40-150 18z", MOSS)
    c.line("M246 366c50-6 90-10 140-18", tone(MOSS, -0.3), 3)


@product("Granite mortar")
def mortar(c: Canvas) -> None:
    c.ground(320, 542, 170)
    c.line("M396 330L500 150", tone(STONE, -0.14), 46)
    c.line("M392 320L486 158", tone(STONE, 0.24), 10, opacity=0.6)
    c.shape("M160 330h320c0 92-30 148-78 170l16 40H222l16-40c-48-22-78-78-78-170z", STONE)
    c.oval(320, 330, 160, 44, tone(STONE, 0.22))
    c.oval(320, 336, 132, 32, tone(STONE, -0.4))
    c.oval(300, 346, 84, 17, MOSS)
    c.line("M390 330L430 266", tone(STONE, -0.14), 46)
    for at in range(46):
        x, y = 178 + (at * 67) % 280, 384 + (at * 41) % 140
        if abs(x - 320) < 150 - (y - 384) * 0.5:
            c.oval(x, y, 3, 2.4, tone(STONE, -0.4 if at % 3 else 0.5), flat=True)
    c.shine("M190 390c8 36 24 66 46 84", 8, 0.35)


@product("Beech spoon trio")
def spoons(c: Canvas) -> None:
    for x, turn, head in ((196, -12, "round"), (320, 2, "slot"), (440, 14, "corner")):
        with c.lifted(rot=turn, move=(x - 320, 0)):
            c.rect(308, 240, 24, 320, BEECH, 12)
            if head == "corner":
                c.shape("M262 90h88c20 0 34 16 34 50v70c0 40-30 60-64 60s-58-20-58-60z", tone(BEECH, 0.06))
            else:
                c.oval(320, 180, 58, 88, tone(BEECH, 0.06))
            if head == "round":
                c.oval(320, 176, 42, 68, tone(BEECH, -0.16))
            if head == "slot":
                c.rect(310, 130, 20, 96, "#ecdcb9", 10, flat=True)


@product("Kitchen scale")
def scale(c: Canvas) -> None:
    c.ground(320, 542, 210)
    c.rect(120, 470, 400, 70, tone(STEEL, 0.2), 18)
    c.rect(236, 488, 168, 36, "#27323a", 8, flat=True)
    for at in range(4):
        c.rect(262 + at * 32, 496, 20, 20, "#8fd0b8", 3, flat=True)
    c.oval(160, 506, 10, 10, tone(STEEL, -0.2))
    c.oval(480, 506, 10, 10, tone(STEEL, -0.2))
    c.rect(104, 448, 432, 24, tone(STEEL, -0.1), 10)
    c.shape("M180 330h280c0 74-50 116-140 116s-140-42-140-116z", CREAM)
    c.oval(320, 330, 140, 28, tone(CREAM, 0.4))
    for x, y, r, colour in ((252, 312, 44, "#c6453b"), (330, 294, 50, "#d59d3e"), (400, 316, 38, "#c6453b")):
        c.oval(x, y, r, r, colour)
    c.shape("M180 332c20 30 260 30 280 0 0 72-50 114-140 114s-140-42-140-114z", CREAM)
    c.shine("M208 372c8 20 22 34 40 44", 7, 0.5)


@product("Fermenting crock")
def crock(c: Canvas) -> None:
    brown = "#8f6a4a"
    c.ground(320, 542, 150)
    for x in (134, 470):
        c.rect(x, 312, 36, 62, tone(brown, -0.1), 16)
    c.shape("M214 240h212c40 30 60 90 60 150 0 90-30 150-66 150H220c-36 0-66-60-66-150 0-60 20-120 60-150z", brown)
    c.shape("M214 240h212c34 26 54 70 58 116-60 30-268 30-328 0 4-46 24-90 58-116z", "#d8c7a6")
    c.rect(196, 216, 248, 32, tone("#d8c7a6", -0.1), 14)
    c.shape("M226 218c0-50 40-66 94-66s94 16 94 66z", "#d8c7a6")
    c.oval(320, 146, 26, 17, brown)
    c.line("M166 372c60 30 248 30 308 0", tone(brown, -0.3), 4, opacity=0.5)
    c.shine("M206 300c-18 40-18 100-8 150", 9, 0.35)
