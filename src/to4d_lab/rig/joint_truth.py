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
_ARM = r"shoulder|arm|palm|hand|fist|wrist|finger|thumb|index|middle|ring|pinky"
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
        return _insect_role(name)
    if body == "fish" and re.search(r"^main[456]|^bone", name):
        return "tail" if name.startswith("main") else "fin"
    if re.search(_IGNORED, name) or re.search(_HELD, name):
        return None
    if body in ("quadruped", "biped", "bird") and re.search(
        r"^ffb|ikbackleg|^back_?(leg|foot|toe|ankle|hip|shoulder|up|low)", name
    ):
        return "hindleg" if body == "quadruped" else "leg"
    if re.search(r"^ff\b|ikfrontleg|^front_?(leg|foot|toe|ankle|scapula|humerus|up|low|shoulder)", name):
        return "foreleg" if body == "quadruped" else "arm"
    for pattern, role in ((r"tail", "tail"), (_HEAD, "head"), (r"wing|feather", "wing")):
        if re.search(pattern, name):
            return role
    if re.search(r"flipper|^(front_)?fin(?!g)|pectoral", name):
        return "fin"
    if re.search(r"leg|foot|feet|toe|heel|thigh", name):
        return "hindleg" if body == "quadruped" else "leg"
    if re.search(_ARM, name) and name not in ("shoulders", "rightarmature"):
        return "foreleg" if body == "quadruped" else "arm"
    return None


def _insect_role(name: str) -> str | None:
    numbered = re.match(r"(front|midfront|midback|back|top|mid|bottom)(leg|foot)", name)
    if numbered:
        return f"leg{_INSECT_LEGS[numbered[1]]}"
    lettered = re.match(r"leg_([abcd])_", name)
    if lettered:
        return f"leg{'abcd'.index(lettered[1]) + 1}"
    for pattern, role in ((r"wing", "wing"), (r"head|teeth|antenna", "head"), (r"tail", "tail")):
        if re.search(pattern, name):
            return role
    return None


def holder(joint: str) -> bool:
    """Whether the joint holds a thing that its parent's limb carries along."""
    return re.search(_HELD, joint.lower()) is not None


def side_of(joint: str) -> str | None:
    """L or R where the joint's name tells."""
    found = re.search(r"(?:[._](l|r)|(left|right))(?:[._]?\d+)?$|^(left|right)", joint.lower())
    return next(side for side in found.groups() if side)[0].upper() if found else None
