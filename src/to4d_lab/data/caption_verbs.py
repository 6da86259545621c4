"""The verbs of the captions, by kind of motion: those of the lexicon for training, others kept back for tests."""

from to4d.lexicon.inflection import inflect
from to4d.lexicon.motions import KINDS

KEPT_BACK = {  # inflections and synonyms that no training caption holds
    "jump": "jumped, hopped, leapt, vaulting, vaults",
    "bounce": "bounced, rebounding, rebounds, bobbed",
    "sway": "swayed, swung, oscillating, oscillates",
    "ripple": "rippled, fluttered, billowing, billows",
    "spin": "rotates, rotated, spun, pirouetting, gyrates",
    "rock": "rocked, wobbled, tottered, lurching, seesaws",
    "shake": "shook, trembled, shuddering, quakes",
    "nod": "nodded, bowed, stooping, stoops",
    "twist": "twisted, contorted, coiling, coils",
    "stretch": "stretched, elongates, extending, extends",
    "grow": "grew, enlarges, expanded, swelled, magnifying",
    "bloom": "bloomed, blossomed, unfurling, unfurls",
    "shrink": "shrank, contracted, diminishing, dwindles",
    "melt": "melted, dissolves, liquefying, thaws",
    "wilt": "wilted, drooped, withers, flagging",
    "fall": "fell, toppled, overturning, capsizes",
    "pulse": "breathed, pulsed, pulsates, heaving",
    "flap": "flapped, flapped its wings, winging, fluttered its wings",
    "swim": "swam, paddled, squirming, slithers",
    "roll": "rolled, tumbled, somersaulting, trundles",
    "fly": "flew, floated, hovered, levitates, gliding",
    "still": "stood still, rested, stayed put, pausing",
    "walk": "walked, marched, strolled, strides, ambling, trudges",
    "run": "ran, jogged, gallops, sprinted, dashing, scampers",
    "wave": "waved, waved its hand, greeted, saluting, beckons",
    "head_nod": "nodded its head, bobbed its head, inclining its head, lowers its head",
    "head_shake": "shook its head, swung its head, waggling its head, tosses its head",
    "tail_wag": "wagged its tail, swished its tail, flicking its tail, whisks its tail",
    "leaves_sway": "swayed its leaves, rustled its leaves, stirring its leaves, stirs its leaves",
    "trunk_raise": "raised its trunk, lifted its trunk, hoisting its trunk, elevates its trunk",
    "dance": "danced, grooved, jiving, waltzes",
    "attack": "attacked, fought, lunging, smashes",
    "die": "died, perished, fainted, expiring, expires",
    "idle": "idled, waited, lingering, lingers",
    "sit": "sat down, squatted, perching, perches",
    "cheer": "cheered, celebrated, exulting, rejoices",
    "eat": "ate, munched, devouring, gobbles",
}
PARTS = {  # kind -> the part that moves, how it moves, and how it moves in words that are kept back
    "head_nod": ("head", "nod, bob", "nodded, bobbed"),
    "head_shake": ("head", "shake, turn from side to side", "shook, waggled"),
    "tail_wag": ("tail", "wag, swing, swish", "wagged, swished"),
    "leaves_sway": ("leaves", "sway, flutter, rustle, move, wave, swing", "swayed, rustled, stirred"),
    "trunk_raise": ("trunk", "rise, swing up, lift", "rose, lifted"),
    "flap": ("wings", "flap, beat, flutter", "flapped, fluttered"),
    "wave": ("arm", "wave, go up and *wave", "waved"),
}


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a text that commas separate."""
    return tuple(text.split(", "))


def _trained(kind: str) -> dict[str, tuple[str, ...]]:
    kept = {phrase.split()[0] for phrase in phrases(KEPT_BACK[kind])}
    every = {form: [inflect(phrase, form) for phrase in KINDS[kind].phrases] for form in ("ing", "s", "base")}
    every["ing"] += KINDS[kind].states
    return {form: tuple(phrase for phrase in forms if phrase.split()[0] not in kept) for form, forms in every.items()}


def _kept_back(kind: str) -> dict[str, tuple[str, ...]]:
    forms: dict[str, tuple[str, ...]] = {"ing": (), "s": (), "past": ()}
    for phrase in phrases(KEPT_BACK[kind]):
        first = phrase.split()[0]
        form = "ing" if first.endswith("ing") else "s" if first.endswith("s") else "past"
        forms[form] += (phrase,)
    return forms


FORMS = {kind: _trained(kind) for kind in KINDS}  # kind -> form -> phrases
HELD_OUT_FORMS = {kind: _kept_back(kind) for kind in KINDS}
VERBS = {kind: tuple(phrase for group in forms.values() for phrase in group) for kind, forms in FORMS.items()}
HELD_OUT_VERBS = {kind: phrases(text) for kind, text in KEPT_BACK.items()}
