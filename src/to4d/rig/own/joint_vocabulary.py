"""The words of which riggers make the names of joints, and what each says."""

from typing import Literal

Side = Literal["L", "R"]

# Levels are places in a limb, from 0 for a girdle to 4 for fingers and toes
_LIMBS = {
    "leg": {
        0: "buttock coxa",
        1: "leg thigh upleg upperleg femur haunch trochanter",
        2: "calf shin knee lowerleg lowleg tibia fibula hock crus midleg stifle horselink gaskin",
        3: "foot ankle feet hoof heel metatarsal tarsus fetlock pastern cannon footback",
        4: "toe toes ball toebase bigtoe",
    },
    "arm": {
        1: "arm upperarm uparm humerus bicep shldr",
        2: "forearm lowerarm lowarm elbow radius ulna",
        3: "hand wrist fist palm carpus",
    },
    "wing": {1: "wing wings"},
    "fin": {1: "fin flipper pectoral"},
    "ear": {1: "ear"},
    "shoulder": {0: "shoulder clavicle scapula collar collarbone clav"},
    "hip": {0: "hip pelvis"},
    "finger": {4: "finger fingers thumb index pinky pinkie metacarpal digit knuckle middle ring little"},
    "end": {3: "paw claw"},
}
_TRUNK = {
    "tail": "tail caudal fluke",
    "jaw": "jaw mandible chin mouth beak lowermouth",
    "head": "head skull cranium",
    "face": "face nose snout muzzle forehead",
    "neck": "neck nape cervical",
    "spine": """spine torso chest abdomen waist back backbone ribcage ribs rib thorax trunk lumbar withers shoulders
        stomach belly upperbody lowerbody breastbone sternum""",
    "stem": "stem stalk branch twig bough petal flower",
    "root": "root body hips cog origin master reference armature trajectory",
}
_CONTROLS = "ik fk pole target ctrl control controller goal hint effector mch vis tweak poletarget handle pt vb"
_EXTRAS = """twist roll eye eyes eyeball pupil eyelid lid brow eyebrow lip lips cheek tongue teeth tooth
    hair ponytail pony mane whisker horn horns antler antlers antenna antennae feeler feather crest comb
    wattle stinger shell cape cloth skirt dress scarf sleeve belt hat helmet bag backpack saddle reins
    weapon gun sword shield bow staff wand quiver prop slot handslot socket attach mount breast boob jiggle
    muscle drv aux sec adj anchor tread track wheel bumper"""


def _entries() -> dict[str, tuple[str, int]]:
    words = {word: (kind, 1) for kind, text in _TRUNK.items() for word in text.split()}
    for kind, levels in _LIMBS.items():
        words |= {word: (kind, level) for level, text in levels.items() for word in text.split()}
    words |= {word: ("control", 0) for word in _CONTROLS.split()}
    return words | {word: ("extra", 0) for word in _EXTRAS.split()}


WORDS = _entries()
"""Word -> kind and level. A `control` is what an animator moves, an `extra` hangs on a part of the body."""

SIDES: dict[str, Side] = {"left": "L", "lft": "L", "lf": "L", "l": "L", "right": "R", "rgt": "R", "rt": "R", "r": "R"}
PLACES = {word: "front" for word in ("front", "fore", "anterior", "frnt")}
PLACES |= {word: "mid" for word in ("mid", "middle", "midfront", "midback")}
PLACES |= {word: "back" for word in ("back", "hind", "rear", "posterior", "bk")}
CORNERS = {"f": "front", "b": "back", "h": "back"}
GLUE = {"upper", "lower", "up", "low", "top", "bottom", "tip", "base", "end", "left", "right", "legs", "arms", *PLACES}
"""Words that say nothing by themselves, or no kind."""

ORDER = (
    *("wing", "tail", "fin", "finger", "leg", "arm", "ear", "jaw", "head", "face", "neck"),
    *("end", "shoulder", "hip", "stem", "spine", "root"),
)
"""Of several kinds in one name the first counts: `back_leg_pelvis` is of a leg, `LeftHandThumb1` is a finger."""
