from __future__ import annotations

from serai.demo.products.product import DemoProduct, coloured

LIGHTING = [
    DemoProduct(
        "Brass desk lamp",
        14900,
        "A jointed arm that stays where you leave it and a shade that turns all the way round. Warms to the hand "
        "and darkens with the years.",
        {"material": "Brass", "bulb": "E27"},
    ),
    DemoProduct(
        "Paper pendant",
        5900,
        "Folded from one sheet of mulberry paper; it ships flat and opens like a flower.",
        {"material": "Paper", "bulb": "E27"},
        {"diameter": ["40 cm", "60 cm", "80 cm"]},
        2000,
    ),
    DemoProduct(
        "Opal glass globe",
        11900,
        "Mouth-blown, so no two are quite alike. A soft, even light without a bulb in sight.",
        {"material": "Glass", "bulb": "E27"},
        {"diameter": ["20 cm", "30 cm"]},
        4000,
    ),
    DemoProduct(
        "Tripod floor lamp",
        21900,
        "Three ash legs, a linen shade and a pull cord: the reading corner, complete.",
        {"material": "Ash, linen", "height": "152 cm"},
    ),
    DemoProduct(
        "Clamp-on spotlight",
        4900,
        "Bites onto any shelf up to five centimetres and points exactly where you need it.",
        {"material": "Steel", "bulb": "GU10"},
        coloured("White", "Black", "Red"),
    ),
    DemoProduct(
        "Bedside reading light",
        6900,
        "A narrow warm beam that leaves your neighbour asleep. Touch the head to dim it.",
        {"power": "4 W LED", "colour temperature": "2700 K"},
        coloured("Brass", "Black"),
    ),
    DemoProduct(
        "Portable table lamp",
        9900,
        "Twelve hours of light on one charge, for balconies, power cuts and dinners that move outdoors.",
        {"battery": "12 h", "charging": "USB-C"},
        coloured("Olive", "Cream", "Terracotta"),
    ),
    DemoProduct(
        "Enamel factory shade",
        8900,
        "The one from your grandfather's workshop, still made on the same presses.",
        {"material": "Enamelled steel", "diameter": "36 cm"},
        coloured("Green", "White", "Black"),
    ),
    DemoProduct(
        "Stoneware table lamp",
        12900,
        "Thrown on the wheel, glazed by dipping, and heavy enough not to mind an elbow.",
        {"material": "Stoneware", "height": "48 cm"},
    ),
    DemoProduct(
        "Wall lamp with swing arm",
        15900,
        "Reaches sixty centimetres over sofa or bed and folds flat to the wall again.",
        {"material": "Brass", "reach": "60 cm"},
    ),
    DemoProduct(
        "String of ten lights",
        3900,
        "Ten warm filament bulbs for the garden, splash-proof and replaceable one by one.",
        {"length": "9 m", "protection": "IP44"},
    ),
    DemoProduct(
        "Hurricane lantern",
        4500,
        "Burns a whole night on half a litre of lamp oil, in wind and rain. No batteries, no instructions.",
        {"material": "Tinned steel", "height": "30 cm"},
    ),
    DemoProduct(
        "Rice lamp for a child's room",
        3500,
        "A small moon that fades out within half an hour.",
        {"power": "1 W LED", "charging": "USB-C"},
    ),
    DemoProduct(
        "Bronze picture light",
        13900,
        "Lays an even light over a painting without touching its frame.",
        {"material": "Bronze", "width": "35 cm"},
    ),
    DemoProduct(
        "Dimmable filament bulb",
        1200,
        "Looks like 1910 and draws four watts. Dims to a glow.",
        {"power": "4 W LED", "socket": "E27", "colour temperature": "2200 K"},
        {"shape": ["Globe", "Pear", "Tube"]},
    ),
]
