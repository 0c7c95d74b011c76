"""Clothes, hung before a wall or laid out flat."""

from __future__ import annotations

from tools.pictures.canvas import Canvas, tone
from tools.pictures.drawings import product
from tools.pictures.palette import (
    BRASS,
    CREAM,
    DENIM,
    FOREST,
    LEATHER,
    NAVY,
    OAT,
    OLIVE,
    ORANGE,
    RUST,
    TOBACCO,
    WHITE,
    YELLOW,
)

BODY = "M232 150L140 214 176 310 220 286V520H420V286L464 310 500 214 408 150"


def hanger(c: Canvas, y: float = 150) -> None:
    c.line(f"M320 {y - 26}c0-30 34-24 30-48-4-22-40-20-42 2", "#8a8f98", 6)
    c.line(f"M236 {y + 8}L320 {y - 26}L404 {y + 8}", "#d3a26f", 13)


def sleeves(c: Canvas, colour: str, cuff: str, end: float = 470) -> None:
    """Long ones that hang down, drawn before the body."""
    c.shape(f"M240 150L158 200 116 {end} 176 {end + 12} 236 290z", tone(colour, 0.04))
    c.shape(f"M400 150L482 200 524 {end} 464 {end + 12} 404 290z", tone(colour, -0.14))
    c.shape(f"M120 {end - 26}l61 12-5 26-60-12z", cuff)
    c.shape(f"M520 {end - 26}l-61 12 5 26 60-12z", cuff)


@product("Heavy cotton T-shirt")
def t_shirt(c: Canvas) -> None:
    hanger(c)
    with c.lifted():
        c.shape(f"{BODY}C380 186 260 186 232 150z", NAVY)
    c.line("M250 158C280 196 360 196 390 158", tone(NAVY, 0.3), 9)
    c.shade("M420 286l-24-70c-4 100-10 220-34 304h58z", 0.14)
    c.line("M238 300c20 20 30 40 34 70M404 300c-14 16-24 40-26 60", tone(NAVY, -0.3), 5, opacity=0.5)
    c.dashes("M222 508H418", tone(NAVY, 0.35), 2.5, "7 5")


@product("Linen shirt")
def shirt(c: Canvas) -> None:
    colour = "#bcd3e4"
    hanger(c)
    with c.lifted():
        sleeves(c, colour, tone(colour, 0.2))
        c.shape("M240 150C210 160 222 400 214 520c30 16 180 16 212 0-8-120 4-360-26-370L320 180z", colour)
    c.shape("M262 140l58 50-40 30-34-66z", tone(colour, 0.3))
    c.shape("M378 140l-58 50 40 30 34-66z", tone(colour, 0.1))
    c.line("M320 190V528", tone(colour, -0.18), 3)
    for at in range(6):
        c.oval(328, 226 + at * 52, 5, 5, WHITE, flat=True)
    c.rect(352, 262, 54, 60, tone(colour, 0.14), 4)
    c.line("M244 280c16 80 10 160 4 236M392 340c-8 60-4 120 4 176", tone(colour, -0.2), 5, opacity=0.4)


@product("Flannel overshirt")
def overshirt(c: Canvas) -> None:
    colour = "#9c4136"
    edge = "M240 150C210 160 222 400 214 520c30 16 180 16 212 0-8-120 4-360-26-370L320 180z"
    hanger(c)
    with c.lifted():
        sleeves(c, colour, tone(colour, -0.2))
        c.shape(edge, colour)
    for path in (edge, "M240 150L158 200 116 470 176 482 236 290z", "M400 150L482 200 524 470 464 482 404 290z"):
        with c.inside(path):
            for at in range(12):
                c.line(f"M{110 + at * 38} 130V540", "#2f2a35", 13, cap="butt", opacity=0.35)
                c.line(f"M100 {146 + at * 38}H540", "#2f2a35", 13, cap="butt", opacity=0.35)
                c.line(f"M{129 + at * 38} 130V540M100 {165 + at * 38}H540", CREAM, 2.5, cap="butt", opacity=0.45)
    c.shape("M262 140l58 50-40 30-34-66z", tone(colour, 0.1))
    c.shape("M378 140l-58 50 40 30 34-66z", tone(colour, -0.1))
    c.line("M320 190V528", "#2f2a35", 4)
    for x in (238, 348):
        c.rect(x, 262, 56, 64, tone(colour, -0.06), 5)
        c.shape(f"M{x} 262h56v16l-28 12-28-12z", tone(colour, -0.3))
        c.oval(x + 28, 280, 5, 5, CREAM, flat=True)
    for at in range(5):
        c.oval(329, 232 + at * 62, 5, 5, CREAM, flat=True)


@product("Fisherman's sweater")
def sweater(c: Canvas) -> None:
    colour = "#e9dcc0"
    edge = "M236 150C206 170 220 380 212 490c40 16 176 16 216 0-8-110 6-320-24-340z"
    with c.lifted():
        sleeves(c, colour, tone(colour, -0.1), 480)
        c.shape(edge, colour)
        c.shape("M212 480c40 16 176 16 216 0l2 46c-50 18-170 18-220 0z", tone(colour, -0.08))
        c.shape("M256 156c20-30 108-30 128 0l-8 34c-30 18-84 18-112 0z", tone(colour, 0.14))
    with c.inside(edge):
        for x in (252, 320, 388):
            for at in range(9):
                y = 214 + at * 32
                c.line(f"M{x - 16} {y}q16 18 32 0M{x - 16} {y + 16}q16-18 32 0", tone(colour, -0.2), 5)
            c.line(f"M{x - 28} 200V490M{x + 28} 200V490", tone(colour, -0.16), 3)
    for at in range(13):
        c.line(f"M{224 + at * 16} 492v34", tone(colour, -0.2), 3)
    for at in range(8):
        c.line(f"M{270 + at * 14} 158v24", tone(colour, -0.16), 3)
    c.line("M190 260L158 440M214 280L176 444M450 260L482 440M426 280L464 444", tone(colour, -0.18), 3)


@product("Merino base layer")
def base_layer(c: Canvas) -> None:
    colour = "#5f7480"
    with c.lifted():
        sleeves(c, colour, tone(colour, 0.2), 480)
        c.shape("M240 150C214 170 226 400 220 524c40 10 160 10 200 0-6-124 6-354-20-374z", colour)
    c.line("M254 156C286 190 354 190 386 156", tone(colour, 0.3), 10)
    c.line("M236 166C250 230 236 280 230 300M404 166C390 230 404 280 410 300", tone(colour, 0.3), 3.5)
    for at in range(11):
        c.line(f"M222 {330 + at * 16}H418", tone(colour, 0.16), 4, opacity=0.5)
    c.rect(290, 230, 60, 14, ORANGE, 7)
    c.shade("M404 200c-8 110-6 230-24 326l40-2c-6-110 0-230-16-324z", 0.12)


def trousers(c: Canvas, colour: str) -> None:
    with c.lifted():
        c.shape("M222 110H418l34 440h-92L320 250 280 550h-92z", colour)
        c.shape("M222 110H418l4 44H218z", tone(colour, -0.1))
    c.shade("M418 110l34 440h-40l-30-430z", 0.12)
    c.line("M320 154v92", tone(colour, -0.35), 4)
    for x in (244, 290, 350, 392):
        c.rect(x, 104, 10, 56, tone(colour, 0.1), 3)
    c.line("M226 166c30 4 44 26 46 56M414 166c-30 4-44 26-46 56", tone(colour, -0.35), 4)


@product("Selvedge jeans")
def jeans(c: Canvas) -> None:
    trousers(c, DENIM)
    c.dashes("M232 168c28 4 38 26 40 52M408 168c-28 4-38 26-40 52M328 160v70q-2 14-8 16", "#d59d3e", 3, "6 5")
    c.oval(320, 132, 9, 9, BRASS)
    for y in (180, 206, 230):
        c.oval(320, y, 4, 4, BRASS, flat=True)
    c.shape("M240 300c20 60 16 160 4 230h20c14-80 20-170 6-230z", "#ffffff", flat=True, opacity=0.12)
    c.shape("M370 300c14 60 24 150 26 230h20c-4-90-14-170-26-230z", "#ffffff", flat=True, opacity=0.10)
    c.shape("M188 550h92l4-32H190z", tone(DENIM, 0.35))
    c.shape("M452 550h-92l-4-32h94z", tone(DENIM, 0.25))
    c.dashes("M192 522h90M358 522h90", "#b8453b", 3, "10 6")


@product("Corduroy trousers")
def corduroy(c: Canvas) -> None:
    trousers(c, TOBACCO)
    with c.inside("M222 154H418l34 396h-92L320 250 280 550h-92z"):
        for at in range(20):
            x = 208 + at * 12
            c.line(f"M{x} 158L{x + (x - 320) * 0.28} 560", tone(TOBACCO, 0.3), 3, opacity=0.45)
    c.line("M226 166c30 4 44 26 46 56M414 166c-30 4-44 26-46 56", tone(TOBACCO, -0.4), 4)
    c.oval(320, 132, 9, 9, CREAM)


@product("Waxed field jacket")
def field_jacket(c: Canvas) -> None:
    colour = "#646a45"
    with c.lifted():
        sleeves(c, colour, tone(colour, -0.2), 480)
        c.shape("M236 150C204 170 214 400 204 540c40 12 192 12 232 0-10-140 0-370-32-390L320 170z", colour)
    c.shape("M250 138c40-24 100-24 140 0l10 50-80-16-80 16z", "#7d5233")
    c.shade("M320 172l96 6c8 110 8 260 20 362-30 8-80 10-116 8z", 0.10)
    c.line("M330 176V546", BRASS, 5)
    c.line("M312 176V546", tone(colour, -0.35), 4)
    for x, y, w in ((226, 260, 66), (350, 260, 66), (222, 410, 78), (344, 410, 78)):
        c.rect(x, y, w, w + 6, tone(colour, 0.08), 6)
        c.rect(x - 3, y - 6, w + 6, 26, tone(colour, -0.16), 6)
        c.oval(x + w / 2, y + 10, 5, 5, BRASS, flat=True)
    c.shine("M236 176c-8 60-10 120-10 170", 5, 0.2)


@product("Wool overcoat")
def overcoat(c: Canvas) -> None:
    colour = "#bf935c"
    hanger(c, 132)
    with c.lifted(move=(0, -16)):
        sleeves(c, colour, tone(colour, -0.12), 470)
        c.shape("M238 150C208 170 214 420 196 580c50 12 198 12 248 0-18-160-12-410-42-430z", colour)
    c.shape("M330 300L352 566c34 0 66-2 88-4-14-120-14-260-22-340z", tone(colour, -0.1), opacity=0.8)
    c.shape("M262 132L330 300 270 250 250 210 226 190 236 146z", tone(colour, 0.16))
    c.shape("M378 132L330 300 384 250 396 210 414 190 404 146z", tone(colour, -0.04))
    c.shape("M280 132h80l-30 80z", "#4b4f57")
    c.line("M330 300V566", tone(colour, -0.3), 4)
    for y in (330, 400):
        for x in (306, 362):
            c.oval(x, y, 9, 9, "#5c4028")
    c.rect(226, 396, 66, 20, tone(colour, -0.12), 5, rot=4)
    c.rect(370, 396, 62, 20, tone(colour, -0.2), 5, rot=-4)


@product("Rain poncho")
def poncho(c: Canvas) -> None:
    with c.lifted():
        c.shape(
            "M320 120C250 130 160 300 110 480c60 50 130 30 210 60 80-30 150-10 210-60C480 300 390 130 320 120z", YELLOW
        )
        c.shape("M320 96c-56 0-84 50-76 110 30 40 122 40 152 0 8-60-20-110-76-110z", tone(YELLOW, 0.08))
    c.oval(320, 178, 44, 52, tone(YELLOW, -0.55))
    c.line("M320 232V536", tone(YELLOW, -0.2), 4)
    for y in (262, 310, 358):
        c.oval(332, y, 6, 6, WHITE, flat=True)
    c.rect(276, 392, 88, 60, tone(YELLOW, -0.06), 8)
    c.rect(270, 386, 100, 24, tone(YELLOW, -0.16), 8)
    c.line("M230 230C200 320 180 410 170 500M410 230c30 90 50 180 60 270", tone(YELLOW, -0.18), 5, opacity=0.6)
    for x, y in ((96, 130), (150, 80), (500, 96), (560, 190), (80, 260), (540, 330), (470, 150)):
        c.shape(f"M{x} {y}c8 14 12 20 12 28a12 12 0 0 1-24 0c0-8 4-14 12-28z", "#8fb2cf", opacity=0.8)


@product("Lambswool scarf")
def scarf(c: Canvas) -> None:
    with c.lifted():
        for x, y in ((188, 540), (392, 540)):
            for at in range(9):
                c.line(f"M{x + 8 + at * 9} {y - 6}v34", RUST, 5)
        c.shape("M180 540V262h88v278z", RUST)
        c.shape("M384 540V262h88v278z", tone(RUST, -0.08))
        c.shape("M180 290C170 80 482 80 472 290h-88c4-90-120-90-116 0z", tone(RUST, 0.06))
    for x in (180, 384):
        for y in (400, 430, 490):
            c.rect(x, y, 88, 12 if y != 430 else 34, OAT, 0)
    for at in range(4):
        c.line(f"M{196 + at * 20} 280v100M{402 + at * 18} 290v90", tone(RUST, -0.2), 3, opacity=0.4)


@product("Ribbed beanie")
def beanie(c: Canvas) -> None:
    with c.lifted():
        c.shape("M150 400C150 220 220 140 320 140s170 80 170 260z", ORANGE)
        c.shape("M134 380c100-24 272-24 372 0 8 40 6 70-2 106-110 24-258 24-368 0-8-36-10-66-2-106z", tone(ORANGE, 0.1))
    for at in range(11):
        x = 176 + at * 29
        c.line(
            f"M{x} 376C{x + (320 - x) * 0.1} 260 {x + (320 - x) * 0.5} 180 320 146",
            tone(ORANGE, -0.24),
            5,
            opacity=0.55,
        )
    for at in range(20):
        x = 150 + at * 18
        c.line(f"M{x} {382 - abs(at - 9.5) * -0.3 - 6}v106", tone(ORANGE, -0.22), 6, opacity=0.5)
    c.rect(412, 420, 60, 36, CREAM, 4)
    c.line("M424 438h36", "#8f8a80", 4)


@product("Leather belt")
def belt(c: Canvas) -> None:
    with c.lifted():
        for r in (170, 126):
            c.line(f"M320 {330 - r}A{r} {r} 0 1 1 319 {330 - r}", tone(LEATHER, -0.12 if r < 150 else 0), 38)
        c.line("M320 160C420 150 520 190 566 270", LEATHER, 38, cap="butt")
    c.dashes("M320 147C424 138 530 182 578 264M320 173C416 164 506 204 552 276", "#e9c79a", 3, "9 7")
    for x, y in ((440, 178), (480, 196), (516, 220)):
        c.oval(x, y, 5, 5, "#3a2415", flat=True)
    with c.lifted("near"):
        c.line("M268 128H336V196H268z", BRASS, 13)
        c.line("M300 162H352", tone(BRASS, 0.3), 9)
    c.rect(350, 138, 15, 48, tone(LEATHER, -0.25), 4)
    c.line("M190 250a150 150 0 0 0-8 150", "#ffffff", 6, opacity=0.22)


@product("Three pairs of wool socks")
def socks(c: Canvas) -> None:
    for at, colour in enumerate((FOREST, OAT, "#8b3f3a")):
        x = -118 + at * 110
        with c.lifted("near", rot=-4 + at * 4, move=(x, 0)):
            c.shape("M270 120h86v250c0 20 10 26 30 40 40 26 50 60 30 84-26 26-70 14-100-12-30-24-46-50-46-90z", colour)
            c.rect(264, 112, 98, 52, tone(colour, 0.16), 8)
            c.shape("M416 494c-14 14-34 16-54 10 0-30 16-54 46-72 24 20 28 44 8 62z", tone(colour, 0.4))
            c.shape("M270 360c-2 40 10 70 36 96 24-10 40-40 40-76z", tone(colour, 0.3))
            for y in (188, 206, 238):
                c.line(f"M271 {y}H356", CREAM if colour != OAT else OLIVE, 7, cap="butt", opacity=0.85)
            for line in range(6):
                c.line(f"M{276 + line * 15} 116v44", tone(colour, -0.2), 3, opacity=0.5)


@product("Canvas sneakers")
def sneakers(c: Canvas) -> None:
    cloth = "#efe7d6"
    c.ground(320, 500, 230)
    for x, y, dim in ((40, -74, -0.07), (-20, 40, 0.0)):
        with c.lifted("near", move=(x, y)):
            c.shape(
                "M110 420V300c0-14 10-18 22-14 30 10 60 6 90-14 14-10 26-8 38 4 40 40 90 66 160 76 70 8 100 30 104 68z",
                tone(cloth, dim),
            )
            c.shape("M398 350c80 6 122 30 126 70H420c-24-20-32-46-22-70z", tone(WHITE, dim))
            c.shape("M104 416h424c6 40-6 50-30 50H132c-22 0-30-16-28-50z", tone(WHITE, dim + 0.1))
        with c.moved(x, y):
            c.line("M108 442H526", "#a9493a", 4, cap="butt")
            for at in range(5):
                c.line(f"M{262 + at * 28} {300 + at * 13}l-26 34", "#c9bfa9", 8)
                c.oval(256 + at * 28, 296 + at * 13 + 12, 4, 4, "#8f8a80", flat=True)
            c.dashes("M118 330c60 10 110 0 150-20M300 410c20-30 50-46 90-56", "#b7aa90", 3, "7 5")
            c.rect(112, 330, 22, 60, tone(cloth, -0.14), 4)
