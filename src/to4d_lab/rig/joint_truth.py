"""What the joints of the rigged characters are: body classes by file, roles by the naming of each pack."""

import re

BODIES = {
    "animals_pack": "quadruped",
    "cute_fish_pack": "fish",
    "fish_pack": "fish",
    "mech_pack": "biped",
    "tank_pack": "thing",
    "cyberpunk_pack__character": "biped",
    "cyberpunk_pack__enemy_2legs": "biped",
    "cyberpunk_pack__enemy_flying": "thing",
    "cyberpunk_pack__enemy_large_gun": "biped",
    "dinosaurs_pack__parasaurolophus": "biped",
    "dinosaurs_pack__velociraptor": "biped",
    "dinosaurs_pack": "quadruped",
    "easy_enemies_pack__frog": "quadruped",
    "easy_enemies_pack__snake": "snake",
    "m2m__bird": "bird",
    "m2m__shark": "fish",
    "m2m__snake": "snake",
    "m2m__spider": "insect",
    "m2m": "quadruped",
    "platformer_game_pack__bee": "insect",
    "platformer_game_pack__character": "biped",
    "platformer_game_pack": "thing",
    "ultimate_space_pack__astronaut": "biped",
    "ultimate_space_pack__mech": "biped",
    "ultimate_space_pack": "thing",
    "fox": "quadruped",
    "kaykit_knight": "biped",
    "kaykit_mage": "biped",
    "q_mech_george": "biped",
    "q_horse": "quadruped",
    "q_frog": "quadruped",
    "q_manta_ray": "fish",
    "q_snake": "snake",
    "robot_expressive": "biped",
    "kenney_platformer_hero": "biped",
    "vintage_fan": "thing",
}
"""The body class of files whose name begins so; the longest beginning counts."""

SAME_AS = {
    "q_mech_george": "mech_pack",
    "q_horse": "animals_pack",
    "q_frog": "easy_enemies_pack",
    "q_manta_ray": "fish_pack",
    "q_snake": "easy_enemies_pack",
}
"""Objects that are a file of a pack once more, and are left out with it."""

_IGNORED = r"poletarget|^pt[._]|pole|knee|elbow|handik|weapon|gun|eye|armature|^root|collar|anchor|ribcage|stomach"
_HEAD = r"neck|head|ear(?!s)|antenna|^face|horn|mouth|nose|chin|teeth|tongue"
_PATTERNS = (
    (r"^ffb|ikbackleg|^back_?(leg|foot|toe|ankle|hip|shoulder|up|low)", "leg"),
    (r"^ff\b|ikfrontleg|^front_?(leg|foot|toe|ankle|scapula|humerus|up|low|shoulder)", "arm"),
    (r"tail", "tail"),
    (_HEAD, "head"),
    (r"wing|feather", "wing"),
    (r"flipper|^(front_)?fin(?!g)|pectoral", "fin"),
    (r"leg|foot|feet|toe|heel|thigh", "leg"),
    (r"shoulder(?!s)|arm(?!ature)|palm|hand|fist|wrist|finger|thumb|index|middle|ring|pinky", "arm"),
)
_OF_QUADRUPEDS = {"leg": "hindleg", "arm": "foreleg"}
_INSECT = ((r"wing", "wing"), (r"head|teeth|antenna", "head"), (r"tail", "tail"))
_HELD = r"sword|shield|axe|gun|weapon|staff|wand|book|cape|hat|helmet|slot|spell|blaster"
_INSECT_LEGS = {"front": 1, "midfront": 2, "midback": 3, "back": 4, "top": 1, "mid": 2, "bottom": 3}


def body_of(name: str) -> str | None:
    """The body class of a file, None where it has no entry."""
    known = [start for start in BODIES if name.startswith(start)]
    return BODIES[max(known, key=len)] if known else None


def role_of(joint: str, body: str) -> str | None:
    """The role of a joint without its side: leg, arm, hindleg, foreleg, leg1 ... leg4, wing, fin, head or tail."""
    name = re.sub(r"^b_", "", re.sub(r"[._]\d+$", "", joint).lower())
    if body == "insect":
        return _first(name, _INSECT) or _insect_leg(name)
    if body == "fish" and re.search(r"^main[456]|^bone", name):
        return "tail" if name.startswith("main") else "fin"
    if re.search(_IGNORED, name) or re.search(_HELD, name):
        return None
    role = _first(name, _PATTERNS)
    return _OF_QUADRUPEDS.get(role or "", role) if body == "quadruped" else role


def _first(name: str, patterns: tuple[tuple[str, str], ...]) -> str | None:
    return next((role for pattern, role in patterns if re.search(pattern, name)), None)


def _insect_leg(name: str) -> str | None:
    """The number of a leg from words or letters."""
    found = re.match(r"(front|midfront|midback|back|top|mid|bottom)(leg|foot)|leg_([abcd])_", name)
    if found is None:
        return None
    return f"leg{_INSECT_LEGS[found[1]] if found[1] else 'abcd'.index(found[3]) + 1}"


def holder(joint: str) -> bool:
    """Whether the joint holds a thing that its parent's limb carries along."""
    return re.search(_HELD, joint.lower()) is not None


def side_of(joint: str) -> str | None:
    """L or R where the joint's name tells."""
    found = re.search(r"(?:[._](l|r)|(left|right))(?:[._]?\d+)?$|^(left|right)", joint.lower())
    return next(side for side in found.groups() if side)[0].upper() if found else None
