"""The words for every kind of motion: what the prior is trained on, and what is kept back to test it on.

A phrase is separated by commas; its first word is inflected, and so is a later one that is marked with a star.
"""

STEMS = {
    "jump": "jump, hop, leap",
    "bounce": "bounce, bob up and down, hop up and down, bounce like a ball, jump again and again",
    "sway": "sway, swing, bend, lean, tilt",
    "ripple": "ripple, wave, flutter, undulate, wiggle",
    "spin": "spin, rotate, turn, twirl, whirl, revolve, turn around, spin around",
    "rock": "rock, wobble, waddle, totter, teeter, dance",
    "shake": "shake, tremble, vibrate, shiver, rattle, ring, jitter",
    "nod": "nod, bow, dip, bow down, lean down and *rise",
    "twist": "twist, wring, contort, twist and *turn, twist back and forth",
    "stretch": "stretch, squash, elongate, lengthen, squash and *stretch, stretch and *squeeze",
    "grow": "grow, expand, enlarge, swell, inflate, get bigger, get larger, become bigger, get taller",
    "bloom": "bloom, blossom, open, unfold, open up",
    "shrink": "shrink, contract, deflate, shrivel, get smaller, become smaller",
    "melt": "melt, dissolve, collapse, sink, melt into a puddle, melt away",
    "wilt": "wilt, droop, wither, sag, slump",
    "fall": "fall, topple, tip over, fall over, fall down, keel over",
    "pulse": "breathe, pulse, pulsate, throb, beat, inflate and *deflate, expand and *contract",
    "flap": "flap, flap its wings, beat its wings, flutter its wings, flap up and down",
    "swim": "swim, paddle, wriggle, slither, swim forward",
    "roll": "roll, tumble, roll over, turn over, roll on the ground, flip over",
    "fly": "fly, float, hover, levitate, rise, soar, take off, lift off, ascend",
    "still": "stand still, stand, rest, stay still, do nothing, remain motionless",
    "walk": "walk, march, stroll, stride, step, pace, walk forward, walk in place",
    "run": "run, jog, gallop, sprint, race, run in place",
    "wave": "wave, wave its hand, wave its arm, wave hello, wave goodbye, greet, say hello",
    "head_nod": "nod its head, bob its head, move its head up and down, say yes",
    "head_shake": "shake its head, turn its head from side to side, swing its head, say no",
    "tail_wag": "wag its tail, swing its tail, wave its tail, swish its tail, wag",
    "leaves_sway": "sway its leaves, move its leaves, wave its leaves, shake its leaves, rustle its leaves",
    "trunk_raise": "raise its trunk, lift its trunk, swing its trunk up, curl its trunk",
    "dance": "dance, groove, dance to music, do a dance, boogie",
    "attack": "attack, fight, punch, kick, strike, hit, bite, charge",
    "die": "die, drop dead, fall down dead, faint, pass out, perish",
    "idle": "idle, wait, stand around, stand idle, breathe calmly",
    "sit": "sit, sit down, take a seat, squat, crouch",
    "cheer": "cheer, celebrate, clap its hands, applaud, rejoice",
    "eat": "eat, chew, munch, feed, graze, nibble",
}
STATES = {"still": "still, motionless, static"}  # no verbs: "the lamp is motionless"
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
RELEARNT = ("ripple", "swim", "flap", "rock", "dance")  # kinds that the adapter is for
DOUBLED = ("bob", "clap", "dip", "drop", "flap", "flip", "get", "hit", "hop", "jog", "nod")
DOUBLED += ("run", "sag", "sit", "spin", "squat", "step", "swim", "throb", "tip", "wag")


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a text that commas separate."""
    return tuple(text.split(", "))


def third(verb: str) -> str:
    """He, she or it does.

    >>> third("wave"), third("fly"), third("stretch")
    ('waves', 'flies', 'stretches')
    """
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeou" else verb + "s"


def gerund(verb: str) -> str:
    """It is doing.

    >>> gerund("wave"), gerund("hop"), gerund("die"), gerund("fly")
    ('waving', 'hopping', 'dying', 'flying')
    """
    if verb.endswith("ie") and len(verb) < 4:
        return verb[:-2] + "ying"
    stem = verb + verb[-1] if verb in DOUBLED else verb
    return (stem[:-1] if stem.endswith("e") and stem[-2:] not in ("ee", "ie", "oe") else stem) + "ing"


ENDINGS = {"base": str, "s": third, "ing": gerund}


def inflect(phrase: str, form: str) -> str:
    """A phrase of `STEMS` as "base", "s" or "ing".

    >>> inflect("squash and *stretch", "ing")
    'squashing and stretching'
    """
    first, *rest = phrase.split()
    words = [ENDINGS[form](word[1:]) if word.startswith("*") else word for word in rest]
    return " ".join([ENDINGS[form](first), *words])


def _trained(kind: str) -> dict[str, tuple[str, ...]]:
    kept = {phrase.split()[0] for phrase in phrases(KEPT_BACK[kind])}
    every = {form: [inflect(phrase, form) for phrase in phrases(STEMS[kind])] for form in ("ing", "s", "base")}
    every["ing"] += phrases(STATES[kind]) if kind in STATES else ()
    return {form: tuple(phrase for phrase in forms if phrase.split()[0] not in kept) for form, forms in every.items()}


def _kept_back(kind: str) -> dict[str, tuple[str, ...]]:
    forms: dict[str, tuple[str, ...]] = {"ing": (), "s": (), "past": ()}
    for phrase in phrases(KEPT_BACK[kind]):
        first = phrase.split()[0]
        form = "ing" if first.endswith("ing") else "s" if first.endswith("s") else "past"
        forms[form] += (phrase,)
    return forms


FORMS = {kind: _trained(kind) for kind in STEMS}  # kind -> form -> phrases
HELD_OUT_FORMS = {kind: _kept_back(kind) for kind in STEMS}
VERBS = {kind: tuple(phrase for group in forms.values() for phrase in group) for kind, forms in FORMS.items()}
HELD_OUT_VERBS = {kind: phrases(text) for kind, text in KEPT_BACK.items()}
