"""The words from which realistic products are generated."""

from __future__ import annotations

COLLECTIONS = (
    "Alder", "Arden", "Bramley", "Calder", "Carrick", "Cedarholm", "Corran", "Dovetail", "Elmstead",
    "Fenwick", "Galloway", "Harrow", "Ingleby", "Juniper", "Kestrel", "Lindqvist", "Lomond", "Marlow",
    "Meridian", "Norfolk", "Oakhurst", "Pemberton", "Quillon", "Ravensworth", "Saltaire", "Samarkand",
    "Selkirk", "Tarnside", "Thornbury", "Ullswater", "Veldt", "Wetherby", "Wharfe", "Windrush", "Yarrow",
    "Zephyr", "Tessaro", "Ostrava", "Bukhara", "Montrose",
)  # fmt: skip
QUALITIES = (
    "compact", "folding", "stackable", "hand-made", "classic", "slim", "everyday", "lightweight",
    "heavy-duty", "vintage", "modern", "reclaimed", "weatherproof", "quilted", "ribbed", "round", "oval",
    "tall", "low", "wide", "adjustable", "portable", "insulated", "cordless", "rustic",
)  # fmt: skip
COLOURS = ("Black", "Natural", "Forest green", "Slate blue", "Terracotta", "Ivory", "Mustard", "Charcoal")

#: For each category: its materials, its sizes, and its things with their usual price in minor units.
CATEGORIES: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, int]]] = {
    "furniture": (
        ("oak", "walnut", "birch", "ash", "beech", "rattan"),
        ("120 cm", "140 cm", "160 cm", "180 cm"),
        {"desk": 54900, "dining table": 84900, "chair": 16900, "armchair": 32900, "stool": 7900, "bookshelf": 24900,
         "sideboard": 61900, "bench": 21900, "bed frame": 74900, "coat rack": 9900},
    ),
    "lighting": (
        ("brass", "linen", "glass", "paper", "steel", "ceramic"),
        ("small", "medium", "large"),
        {"table lamp": 8900, "floor lamp": 15900, "pendant lamp": 12900, "lantern": 4900, "wall light": 7400,
         "reading light": 3900, "lampshade": 2900, "chandelier": 42900},
    ),
    "kitchen": (
        ("cast-iron", "copper", "stainless-steel", "stoneware", "enamel", "olive-wood"),
        ("1 l", "2 l", "3 l", "5 l"),
        {"saucepan": 6900, "frying pan": 5900, "kettle": 4900, "teapot": 3900, "chopping board": 3400,
         "mixing bowl": 2400,
         "coffee grinder": 8900, "casserole": 11900, "pepper mill": 2900, "bread knife": 4400},
    ),
    "tableware": (
        ("porcelain", "stoneware", "glass", "earthenware", "bamboo"),
        ("set of 2", "set of 4", "set of 6"),
        {"plate": 1400, "soup bowl": 1600, "mug": 1200, "wine glass": 1500, "carafe": 2900, "serving dish": 3900,
         "salad servers": 2400, "egg cup": 700},
    ),
    "textiles": (
        ("linen", "cotton", "wool", "cashmere", "hemp", "velvet"),
        ("single", "double", "king"),
        {"blanket": 7900, "cushion": 3400, "duvet cover": 9900, "tablecloth": 4900, "towel": 1900, "rug": 24900,
         "curtain": 6900, "throw": 5900, "pillowcase": 1700},
    ),
    "clothing": (
        ("cotton", "merino", "linen", "denim", "wool", "corduroy"),
        ("S", "M", "L", "XL"),
        {"shirt": 5900, "jumper": 8900, "jacket": 14900, "trousers": 7900, "dress": 9900, "scarf": 3900,
         "coat": 22900,
         "socks": 1200, "cardigan": 8400, "waistcoat": 6900},
    ),
    "shoes": (
        ("leather", "suede", "canvas", "felt", "rubber"),
        ("38", "40", "42", "44"),
        {"boots": 15900, "sandals": 6900, "slippers": 3900, "trainers": 9900, "loafers": 11900,
         "walking shoes": 13900},
    ),
    "bags": (
        ("leather", "canvas", "waxed-cotton", "felt", "nylon"),
        ("15 l", "25 l", "40 l"),
        {"backpack": 8900, "satchel": 12900, "tote bag": 4900, "wallet": 3900, "suitcase": 19900, "pencil case": 1400,
         "weekend bag": 14900},
    ),
    "garden": (
        ("zinc", "terracotta", "cedar", "steel", "willow"),
        ("20 cm", "30 cm", "45 cm"),
        {"plant pot": 1900, "watering can": 3400, "secateurs": 4400, "bird feeder": 2700, "trowel": 1600,
         "trellis": 4900,
         "hammock": 7900, "fire bowl": 12900, "wheelbarrow": 11900},
    ),
    "outdoor": (
        ("titanium", "aluminium", "ripstop", "wool", "fleece"),
        ("one person", "two people", "four people"),
        {"tent": 29900, "sleeping bag": 15900, "camping stove": 6900, "headlamp": 4900, "water bottle": 2400,
         "camp mug": 1900, "trekking poles": 7900, "rain cover": 2900},
    ),
    "audio": (
        ("walnut", "aluminium", "fabric", "bamboo"),
        ("mono", "stereo"),
        {"headphones": 17900, "loudspeaker": 24900, "turntable": 34900, "radio": 12900, "metronome": 6900,
         "microphone": 14900,
         "earphones": 5900},
    ),
    "stationery": (
        ("paper", "cork", "leather", "brass", "recycled"),
        ("A6", "A5", "A4"),
        {"notebook": 1400, "fountain pen": 5900, "pencil": 300, "letter opener": 2400, "sketchbook": 1900,
         "calendar": 2200,
         "envelope": 900, "stapler": 1800, "desk tray": 3400},
    ),
    "toys": (
        ("wooden", "felt", "cotton", "cardboard", "tin"),
        ("small", "large"),
        {"train set": 5900, "building blocks": 3900, "puzzle": 1900, "teddy bear": 2900, "kite": 2400,
         "dolls house": 12900,
         "spinning top": 900, "board game": 3400},
    ),
    "bathroom": (
        ("bamboo", "cotton", "marble", "ceramic", "brass"),
        ("small", "medium", "large"),
        {"bath mat": 2900, "soap dish": 1400, "mirror": 8900, "laundry basket": 4900, "toothbrush holder": 1200,
         "shower caddy": 3400, "bathrobe": 7900},
    ),
    "tools": (
        ("steel", "hickory", "beech", "carbon-steel", "titanium"),
        ("20 cm", "30 cm", "40 cm"),
        {"hammer": 2900, "hand saw": 3400, "screwdriver set": 4900, "chisel": 2700, "plane": 8900, "toolbox": 5900,
         "spirit level": 2400, "tape measure": 1400},
    ),
    "cycling": (
        ("steel", "aluminium", "leather", "nylon", "merino"),
        ("S", "M", "L"),
        {"saddle": 8900, "helmet": 6900, "pannier": 7900, "bicycle bell": 1900, "bike lock": 5900, "gloves": 3400,
         "cycling jersey": 6900, "bottle cage": 1700},
    ),
}  # fmt: skip

OPENINGS = (
    "Made in small batches and checked by hand before it leaves the workshop.",
    "The one our own people take home.",
    "Designed to be repaired: every part can be ordered on its own.",
    "Built for daily use and for the next owner after you.",
    "A quiet piece that goes with what is already there.",
)
MIDDLES = (
    "The {material} comes from a supplier we have visited, and it ages well.",
    "{Material} outside, nothing glued inside, and edges that do not catch.",
    "We chose {material} because it is light enough to carry and strong enough to last.",
    "It starts out plain; the {material} gets its character over the years.",
)
ENDINGS = (
    "Wipe it with a damp cloth and keep it out of standing water.",
    "Arrives assembled in a box that folds flat for recycling.",
    "Ten years of guarantee, and a spare-parts list in the box.",
    "Not sure about the size? Send it back within sixty days.",
    "Pairs well with the rest of the {collection} range.",
)
