"""The words that fill a phrasing's slots. A slot's type is its name without trailing digits: ``name2`` is a
``name``.
"""

from __future__ import annotations

WORDS: dict[str, tuple[str, ...]] = {
    "name": (
        "Ada", "Ben", "Cara", "Dan", "Eva", "Finn", "Gina", "Hugo", "Iris", "Jack", "Kate", "Leo", "Mia", "Noah",
        "Olga", "Paul", "Rosa", "Sam", "Tina", "Vera", "Will", "Zoe", "Amir", "Mei", "Ravi", "Lena",
    ),
    "item": (
        "apples", "pears", "books", "pens", "coins", "cards", "shells", "stamps", "marbles", "stickers", "beads",
        "cups", "eggs", "balls", "keys", "lemons", "stones", "tickets", "buttons", "cookies",
    ),
    "thing": ("pen", "book", "cup", "hat", "ball", "lamp", "bag", "map", "toy", "plant", "ticket", "chair"),
    "box": ("boxes", "bags", "jars", "baskets", "crates", "shelves", "trays", "packs"),
    "people": ("friends", "children", "students", "players", "cousins", "workers", "guests", "teams"),
    "shop": ("shop", "market", "bakery", "school", "farm", "museum", "library", "club"),
    "ride": ("car", "train", "bus", "boat", "truck", "bike"),
    "drink": ("water", "juice", "milk", "tea", "paint", "oil", "soup"),
    "room": ("room", "garden", "field", "park", "yard", "floor", "table", "wall"),
    "color": ("red", "blue", "green", "white", "black", "yellow"),
    "group": ("class", "team", "choir", "club", "crew", "band"),
    "var": ("x", "y", "n", "t", "k"),
}  # fmt: skip
