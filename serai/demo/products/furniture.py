from __future__ import annotations

from serai.demo.products.product import DemoProduct, coloured

FURNITURE = [
    DemoProduct(
        "Walnut writing desk",
        64900,
        "A desk for people who still write by hand. Solid walnut top, a drawer that runs on wood, and a groove at "
        "the back that keeps pens from rolling off.",
        {"material": "Walnut", "height": "74 cm", "depth": "65 cm"},
        {"width": ["120 cm", "140 cm", "160 cm"]},
        8000,
    ),
    DemoProduct(
        "Oak dining table",
        89900,
        "Seats six on weekdays and eight at a push. The top is one board joined from five, oiled and easily sanded "
        "back when life has left its marks.",
        {"material": "Oak", "height": "75 cm"},
        {"length": ["160 cm", "180 cm", "220 cm"]},
        12000,
    ),
    DemoProduct(
        "Spindle-back chair",
        18900,
        "Nine turned spindles, a saddled seat and no screws: it is held together by the way the wood dries.",
        {"material": "Ash", "seat height": "45 cm"},
        coloured("Natural", "Black", "Forest green"),
    ),
    DemoProduct(
        "Bentwood armchair",
        32900,
        "Beech bent over steam, a seat of woven cord, and arms at the height of a book.",
        {"material": "Beech", "seat": "Paper cord"},
    ),
    DemoProduct(
        "Three-legged stool",
        7900,
        "Never wobbles, whatever the floor. Good for sitting on, standing on and putting plants on.",
        {"material": "Oak", "height": "46 cm"},
    ),
    DemoProduct(
        "Low bookshelf",
        24900,
        "Three shelves at the height a child can reach, deep enough for atlases and picture books.",
        {"material": "Birch plywood", "depth": "32 cm"},
        {"width": ["80 cm", "120 cm"]},
        6000,
    ),
    DemoProduct(
        "Ladder shelf",
        19900,
        "Leans against the wall and asks for two screws. Five shelves that grow deeper towards the floor.",
        {"material": "Ash", "height": "185 cm"},
        coloured("Natural", "White"),
    ),
    DemoProduct(
        "Bedside table with drawer",
        15900,
        "Room for a lamp, a glass and one more chapter. The drawer hides the telephone.",
        {"material": "Walnut", "height": "52 cm"},
    ),
    DemoProduct(
        "Platform bed",
        79900,
        "A quiet frame without a single squeak: slats rest in felt, corners lock without tools.",
        {"material": "Oak", "height": "32 cm"},
        {"width": ["140 cm", "160 cm", "180 cm"]},
        9000,
    ),
    DemoProduct(
        "Two-seat linen sofa",
        119900,
        "Long enough for an afternoon nap, short enough for a city flat. Covers come off and go in the wash.",
        {"material": "Linen, beech frame", "length": "168 cm"},
        coloured("Sand", "Slate", "Rust"),
    ),
    DemoProduct(
        "Wool reading chair",
        69900,
        "High back, soft wings, and a seat that is a hand deeper than usual so that you can pull up your legs.",
        {"material": "Wool, oak legs"},
        coloured("Moss", "Charcoal"),
    ),
    DemoProduct(
        "Entryway bench",
        22900,
        "Sit to tie your shoes, lift the seat to put them away.",
        {"material": "Pine", "length": "100 cm"},
    ),
    DemoProduct(
        "Coat stand",
        12900,
        "Eight pegs at three heights, a weighted foot, and a ring for umbrellas.",
        {"material": "Beech", "height": "178 cm"},
        coloured("Natural", "Black"),
    ),
    DemoProduct(
        "Folding trestles, pair",
        9900,
        "With a door on top they are a table; without one they hang on a nail.",
        {"material": "Birch", "height": "72 cm"},
    ),
    DemoProduct(
        "Round side table",
        13900,
        "A tray on three legs. The rim keeps cups where they are when the cat walks by.",
        {"material": "Steel", "diameter": "42 cm"},
        coloured("White", "Clay", "Black"),
    ),
]
