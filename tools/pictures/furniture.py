"""Things that stand on the floor of a room; their feet are at 540."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone
from tools.pictures.drawings import product
from tools.pictures.palette import ASH, BEECH, BIRCH, BLACK, CLAY, CREAM, FOREST, LINEN, MOSS, OAK, PINE, WALNUT, WHITE


def leg(c: Canvas, x: float, top: float, colour: str, lean: float = 0, width: float = 15, foot: float = 540) -> None:
    narrow = width * 0.62
    c.shape(f"M{x - width / 2} {top}h{width}L{x + lean + narrow / 2} {foot}h-{narrow}z", colour)


@product("Walnut writing desk")
def desk(c: Canvas) -> None:
    c.ground(320, 542, 210)
    for x, lean in ((150, -14), (490, 14)):
        leg(c, x, 360, tone(WALNUT, -0.2), lean)
    c.rect(118, 350, 404, 62, WALNUT, 5)
    c.rect(250, 362, 140, 42, tone(WALNUT, 0.1), 4)
    c.rect(304, 379, 32, 8, "#cda650", 4)
    c.rect(100, 332, 440, 22, tone(WALNUT, 0.12), 6)
    with c.lifted("near"):
        c.rect(390, 320, 90, 12, "#d59d3e", 2)
        c.rect(396, 309, 78, 11, "#6d7885", 2)
        c.shape("M170 332c-4-30 2-44 14-44s18 14 14 44z", "#c8754f")
    c.line("M184 290C178 260 160 250 152 226M184 290c2-34 14-50 26-62M184 290c0-30-4-50 0-78", MOSS, 5)
    for x, y in ((150, 222), (212, 222), (184, 206)):
        c.oval(x, y, 13, 19, MOSS)


@product("Oak dining table")
def table(c: Canvas) -> None:
    c.ground(320, 542, 240)
    for x, lean in ((140, -18), (500, 18)):
        leg(c, x, 380, tone(OAK, -0.18), lean, 22)
    for x, lean in ((190, -6), (450, 6)):
        leg(c, x, 380, tone(OAK, -0.34), lean, 16, 520)
    c.rect(92, 372, 456, 20, tone(OAK, -0.14), 3)
    c.rect(70, 350, 500, 26, tone(OAK, 0.12), 8)
    with c.lifted("near"):
        c.shape("M262 330h116c-4 16-24 22-58 22s-54-6-58-22z", WHITE)
        for x, colour in ((290, "#d59d3e"), (322, "#c6453b"), (352, "#d59d3e")):
            c.oval(x, 322, 20, 18, colour)
        c.shape("M262 330h116c-4 16-24 22-58 22s-54-6-58-22z", WHITE)


@product("Spindle-back chair")
def chair(c: Canvas) -> None:
    c.ground(320, 542, 130)
    wood = FOREST
    for x, lean in ((240, -20), (400, 20)):
        leg(c, x, 400, wood, lean, 18)
    for x, lean in ((270, -8), (370, 8)):
        leg(c, x, 400, tone(wood, -0.3), lean, 14, 522)
    c.line("M228 478H412", tone(wood, -0.1), 9)
    for at in range(9):
        x = 240 + at * 20
        c.line(f"M{x + (320 - x) * 0.06} 392L{x - (320 - x) * 0.10} 212", tone(wood, 0.16 - at * 0.03), 7)
    c.shape("M206 216C240 176 400 176 434 216l-6 22C396 206 244 206 212 238z", wood)
    c.shape("M214 388c20-12 192-12 212 0 10 8 6 28-8 30-60 6-136 6-196 0-14-2-18-22-8-30z", tone(wood, 0.1))
    c.shine("M230 394c50-8 130-8 170-2", 4, 0.35)


@product("Bentwood armchair")
def armchair(c: Canvas) -> None:
    c.ground(320, 542, 140)
    for x, lean in ((232, -16), (408, 16)):
        leg(c, x, 410, BEECH, lean, 18)
    for x, lean in ((268, -4), (372, 4)):
        leg(c, x, 410, tone(BEECH, -0.3), lean, 14, 520)
    c.line("M216 400V270C216 176 424 176 424 270V400", tone(BEECH, -0.05), 17)
    c.line("M256 396V280C256 222 384 222 384 280V396", tone(BEECH, -0.2), 11)
    c.line("M186 410C150 330 180 318 216 318M454 410C490 330 460 318 424 318", BEECH, 15)
    c.shine("M214 300C214 200 300 196 330 196", 4)
    c.oval(320, 408, 128, 28, tone(BEECH, -0.1))
    c.oval(320, 402, 112, 21, LINEN)
    for at in range(6):
        c.line(f"M{226 + at * 20} {398 + at}L{330 + at * 16} {386 + at * 3}", tone(LINEN, -0.16), 3)
        c.line(f"M{226 + at * 18} {404 + at}L{300 + at * 22} {419 - at}", tone(LINEN, -0.16), 3)


@product("Three-legged stool")
def stool(c: Canvas) -> None:
    c.ground(320, 542, 120)
    leg(c, 320, 330, tone(OAK, -0.32), 6, 22, 526)
    leg(c, 262, 330, OAK, -44, 26)
    leg(c, 378, 330, tone(OAK, -0.08), 44, 26)
    c.shape("M196 318v24c0 22 56 34 124 34s124-12 124-34v-24z", tone(OAK, -0.14))
    c.oval(320, 318, 124, 34, tone(OAK, 0.18))
    c.oval(320, 318, 84, 21, tone(OAK, 0.08))
    c.oval(320, 318, 42, 10, tone(OAK, 0.2))


@product("Low bookshelf")
def bookshelf(c: Canvas) -> None:
    c.ground(320, 542, 200)
    c.rect(140, 262, 360, 278, tone(BIRCH, -0.12), 6)
    for y in (280, 366, 452):
        c.rect(156, y, 328, 72, tone(BIRCH, -0.42), 2)
    spines = ("#c8754f", "#33486c", "#d59d3e", "#f2e6cf", "#3f5d49", "#a9493a", "#7ba6a8", "#76415c", "#dccdb2")
    for row, (start, count) in enumerate(((160, 9), (240, 7), (160, 6))):
        x = start
        for at in range(count):
            w, h = 15 + (at * 7 + row * 5) % 14, 46 + (at * 11 + row * 7) % 18
            c.rect(x, 352 + row * 86 - h, w, h, spines[(at * 2 + row * 4) % 9], 2)
            x += w + 1
    c.rect(176, 330, 44, 22, "#9caf8c", 2)
    c.oval(410, 508, 34, 20, CLAY)
    c.rect(132, 252, 376, 16, tone(BIRCH, 0.2), 4)
    with c.lifted("near"):
        c.shape("M392 252c-6-34 0-52 20-52s26 18 20 52z", "#7ba6a8")
    c.line("M412 204c-4-30 10-46 26-58M412 204c-2-30-14-44-24-50", FOREST, 5)
    c.oval(442, 138, 12, 22, FOREST, rot=32)
    c.oval(384, 148, 11, 20, FOREST, rot=-34)


@product("Ladder shelf")
def ladder(c: Canvas) -> None:
    c.ground(320, 542, 160)
    c.line("M246 540L282 120M394 540L358 120", tone(ASH, -0.1), 15)
    for y, w in ((190, 130), (270, 156), (350, 182), (430, 208), (506, 234)):
        c.rect(320 - w / 2, y, w, 13, tone(ASH, 0.14), 3)
        c.shade(f"M{320 - w / 2} {y + 13}h{w}l-8 9H{320 - w / 2 + 8}z", 0.16)
    c.rect(286, 158, 16, 32, "#c8754f", 2)
    c.rect(304, 150, 14, 40, "#33486c", 2)
    c.oval(350, 178, 17, 12, "#7ba6a8")
    c.shape("M280 270c-4-22 0-34 16-34s20 12 16 34z", WHITE)
    c.line("M296 238c-4-16-14-22-20-26M296 238c2-16 12-24 20-28", MOSS, 4)
    for x in (340, 356, 372):
        c.rect(x, 236, 13, 34, ("#d59d3e", "#f2e6cf", "#a9493a")[(x - 340) // 16], 2)
    c.rect(258, 318, 70, 32, "#b98d62", 4)
    c.oval(364, 334, 18, 16, "#d99c98")
    for x, h in ((262, 48), (280, 42), (298, 52), (316, 40)):
        c.rect(x, 430 - h, 15, h, ("#3f5d49", "#dccdb2", "#c8754f", "#46578c")[int((x - 262) / 18)], 2)
    c.shape("M356 430c-6-30 2-38 24-38s30 8 24 38z", "#6d7885")
    c.rect(256, 470, 128, 36, "#cfa677", 6)


@product("Bedside table with drawer")
def bedside(c: Canvas) -> None:
    c.ground(320, 542, 130)
    for x, lean in ((246, -10), (394, 10)):
        leg(c, x, 440, tone(WALNUT, -0.2), lean, 16)
    c.rect(220, 336, 200, 112, WALNUT, 8)
    c.rect(236, 354, 168, 62, tone(WALNUT, 0.14), 5)
    c.oval(320, 385, 11, 11, "#cda650")
    c.rect(208, 322, 224, 20, tone(WALNUT, 0.18), 6)
    with c.lifted("near"):
        c.rect(236, 310, 78, 12, "#7ba6a8", 2)
        c.rect(242, 299, 70, 11, "#f2e6cf", 2)
        c.rect(372, 258, 12, 64, "#cda650", 3)
        c.oval(378, 320, 26, 7, "#cda650")
        c.shape("M346 262l14-66h36l14 66z", CREAM)
    c.glow(378, 250, 110, "#ffe2a0", 0.55)


@product("Platform bed")
def bed(c: Canvas) -> None:
    c.ground(320, 542, 270, 18)
    for x in (120, 520):
        leg(c, x, 480, tone(OAK, -0.25), 0, 22)
    c.rect(88, 300, 24, 200, tone(OAK, -0.06), 6)
    c.rect(88, 470, 464, 38, OAK, 8)
    c.shape("M112 472V416c0-12 8-18 20-18h390c16 0 26 10 26 24v50z", WHITE)
    c.shape("M250 398h272c16 0 26 10 26 24v50H232c20-20 26-48 18-74z", "#7ba6a8")
    c.shape("M250 398c30 0 50 4 46 22-4 14-30 10-52 8z", tone("#7ba6a8", 0.4))
    c.shape("M124 400c-8-30 4-42 34-42h56c26 0 34 14 30 42z", CREAM)
    c.shape("M146 372c20-8 44-8 70 0", tone(CREAM, -0.12), opacity=0.6)
    c.shine("M300 412H500", 4, 0.4)


@product("Two-seat linen sofa")
def sofa(c: Canvas) -> None:
    cloth = "#d3bd97"
    c.ground(320, 542, 270, 18)
    for x, lean in ((130, -6), (510, 6)):
        leg(c, x, 490, tone(BEECH, -0.2), lean, 18)
    c.rect(106, 300, 428, 160, tone(cloth, -0.08), 34)
    c.rect(122, 312, 196, 120, cloth, 22)
    c.rect(322, 312, 196, 120, cloth, 22)
    c.rect(112, 450, 416, 52, tone(cloth, -0.14), 14)
    c.rect(126, 408, 192, 56, tone(cloth, 0.12), 18)
    c.rect(322, 408, 192, 56, tone(cloth, 0.12), 18)
    for x in (82, 500):
        c.rect(x, 366, 58, 140, tone(cloth, 0.04), 26)
    with c.lifted("near"):
        c.rect(150, 344, 84, 78, CLAY, 16, rot=-10)
        c.rect(424, 352, 70, 66, "#75854f", 14, rot=9)


@product("Wool reading chair")
def wing_chair(c: Canvas) -> None:
    c.ground(320, 542, 150)
    for x, lean in ((244, -10), (396, 10)):
        leg(c, x, 490, tone(OAK, -0.1), lean, 18)
    c.shape("M214 470V250c0-70 40-104 106-104s106 34 106 104v220z", tone(MOSS, -0.1))
    c.shape("M246 430V262c0-52 26-80 74-80s74 28 74 80v168z", MOSS)
    for x, y in ((292, 250), (348, 250), (320, 300), (292, 350), (348, 350)):
        c.oval(x, y, 5, 5, tone(MOSS, -0.4), flat=True)
    c.shape("M214 262c-30 6-36 40-18 70l20 20z", tone(MOSS, 0.06))
    c.shape("M426 262c30 6 36 40 18 70l-20 20z", tone(MOSS, -0.16))
    c.rect(196, 440, 248, 60, tone(MOSS, -0.14), 16)
    c.rect(232, 404, 176, 54, tone(MOSS, 0.14), 20)
    for x in (180, 404):
        c.rect(x, 360, 56, 142, tone(MOSS, 0.02), 26)
    with c.lifted("near"):
        c.shape("M404 356h60l8 100h-54z", CREAM)
        for y in (380, 404, 428):
            c.line(f"M408 {y}h60", "#c8754f", 5)


@product("Entryway bench")
def bench(c: Canvas) -> None:
    c.ground(320, 542, 220)
    for x in (136, 482):
        c.rect(x, 420, 22, 120, tone(PINE, -0.12), 4)
    c.rect(128, 424, 384, 66, PINE, 5)
    c.line("M320 430v56", tone(PINE, -0.25), 3)
    c.rect(114, 402, 412, 26, tone(PINE, 0.18), 8)
    with c.lifted("near"):
        c.rect(150, 374, 150, 30, "#7ba6a8", 14)
        c.shape("M380 402l4-46c0-8 8-10 14-4l14 20 40 10c14 4 14 14 10 20z", "#8b5e3c")
        c.shape("M404 402l4-46c0-8 8-10 14-4l14 20 40 10c14 4 14 14 10 20z", "#9a6238")
    c.line("M404 402h80", CREAM, 6, cap="butt")
    for x in (220, 300, 380):
        c.oval(x, 214, 9, 9, tone(PINE, -0.1))
    c.rect(180, 196, 260, 14, tone(PINE, 0.05), 6)
    c.shape("M292 222c-30 30-30 110-22 120h62c8-12 6-90-24-120z", "#33486c")


@product("Coat stand")
def coat_stand(c: Canvas) -> None:
    c.ground(320, 542, 110)
    c.oval(320, 536, 92, 16, tone(BEECH, -0.2))
    c.oval(320, 530, 92, 16, BEECH)
    c.rect(312, 104, 16, 426, BEECH, 8)
    for y, out in ((136, 46), (196, 58), (256, 66)):
        c.line(f"M320 {y + 34}L{320 - out} {y}M320 {y + 34}L{320 + out} {y}", tone(BEECH, -0.06), 11)
        c.oval(320 - out, y, 9, 9, tone(BEECH, 0.2))
        c.oval(320 + out, y, 9, 9, tone(BEECH, 0.05))
    c.oval(320, 104, 15, 15, tone(BEECH, 0.15))
    with c.lifted("near"):
        c.shape("M378 200c-34 20-44 60-40 196h92c6-130-4-180-34-196z", "#b8582f")
        c.shape("M382 204c6 30 6 120 2 190", tone("#b8582f", -0.3), flat=True, opacity=0.5)
        c.shape("M218 262c0-40 20-58 46-58s46 18 46 58z", CREAM)
        c.rect(218, 244, 92, 16, CLAY, 3)
        c.oval(264, 264, 78, 15, tone(CREAM, -0.06))


@product("Folding trestles, pair")
def trestles(c: Canvas) -> None:
    c.ground(320, 542, 240)
    for x, colour in ((210, BIRCH), (430, tone(BIRCH, -0.06))):
        c.line(f"M{x + 26} 300L{x + 64} 540M{x - 26} 300L{x - 64} 540", tone(colour, -0.24), 15)
        c.line(f"M{x - 46} 440H{x + 46}", tone(colour, -0.1), 11)
        c.line(f"M{x - 8} 300L{x + 22} 540M{x + 8} 300L{x - 22} 540", tone(colour, -0.08), 13)
        c.rect(x - 74, 286, 148, 20, tone(colour, 0.16), 5)
    with c.lifted("near"):
        c.rect(90, 262, 460, 22, WHITE, 4)


@product("Round side table")
def side_table(c: Canvas) -> None:
    c.ground(320, 542, 120)
    c.line("M320 350L236 540M320 350L404 540M320 350L328 528", tone(CLAY, -0.24), 11)
    c.shape("M180 332v16c0 24 62 40 140 40s140-16 140-40v-16z", tone(CLAY, -0.12))
    c.oval(320, 332, 140, 40, tone(CLAY, 0.2))
    c.oval(320, 336, 124, 32, tone(CLAY, -0.04))
    with c.lifted("near"):
        c.shape("M262 300h60v26c0 14-60 14-60 0z", WHITE)
        c.line("M322 306c18 0 18 20 0 20", WHITE, 6)
        c.oval(292, 300, 30, 8, "#6b4a34")
        c.rect(346, 328, 62, 9, BLACK, 2, rot=-4)
        c.rect(350, 318, 56, 10, "#d59d3e", 2, rot=-4)
