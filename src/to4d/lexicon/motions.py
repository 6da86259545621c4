"""The table of motions: which verbs name each kind, and which motion check verifies it.

In a phrase the first word is inflected, and so is a later one that is marked with a star (`inflection.inflect`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MotionKind:
    """A kind of motion.

    `phrases` name it and are what the embedded prior's captions are made of; `synonyms` are single verbs of like
    meaning; `check` is a motion check of `metrics.checks.prompt_check`, None where there is none for it; `states` name
    it without being verbs, as in "the lamp is motionless".
    """

    name: str
    phrases: tuple[str, ...]  # lemmas
    synonyms: tuple[str, ...]  # lemmas
    check: str | None
    states: tuple[str, ...] = ()

    @property
    def verbs(self) -> tuple[str, ...]:
        """The phrases that are one verb."""
        return tuple(phrase for phrase in self.phrases if " " not in phrase)


def _kind(name: str, phrases: str, synonyms: str = "", check: str | None = None, states: str = "") -> MotionKind:
    return MotionKind(name, tuple(phrases.split(", ")), tuple(synonyms.split()), check, tuple(states.split()))


_TABLE = (
    _kind("jump", "jump, hop, leap", "vault bound pounce skip spring", "jumping"),
    _kind(
        "bounce",
        "bounce, bob up and down, hop up and down, bounce like a ball, jump again and again",
        "rebound bob boing dribble",
        "jumping",
    ),
    _kind("sway", "sway, swing, bend, lean, tilt", "oscillate slant waver", "swaying"),
    _kind("ripple", "ripple, wave, flutter, undulate, wiggle", "billow waft flow squiggle"),
    _kind(
        "spin",
        "spin, rotate, turn, twirl, whirl, revolve, turn around, spin around",
        "pirouette gyrate orbit swivel pivot swirl spiral circle",
        "spinning",
    ),
    _kind("rock", "rock, wobble, waddle, totter, teeter, dance", "lurch seesaw stagger", "swaying"),
    _kind(
        "shake",
        "shake, tremble, vibrate, shiver, rattle, ring, jitter",
        "shudder quake quiver convulse buzz twitch jiggle chime",
        "shaking",
    ),
    _kind("nod", "nod, bow, dip, bow down, lean down and *rise", "stoop curtsy kneel genuflect", "nodding"),
    _kind("twist", "twist, wring, contort, twist and *turn, twist back and forth", "coil curl warp", "twisting"),
    _kind(
        "stretch",
        "stretch, squash, elongate, lengthen, squash and *stretch, stretch and *squeeze",
        "extend squish squeeze compress flatten flex",
        "stretching",
    ),
    _kind(
        "grow",
        "grow, expand, enlarge, swell, inflate, get bigger, get larger, become bigger, get taller",
        "magnify scale balloon sprout zoom thicken widen bulge mature",
        "growing",
    ),
    _kind("bloom", "bloom, blossom, open, unfold, open up", "unfurl flourish bud burgeon flower hatch", "growing"),
    _kind(
        "shrink",
        "shrink, contract, deflate, shrivel, get smaller, become smaller",
        "diminish dwindle reduce condense compact miniaturise miniaturize",
        "shrinking",
    ),
    _kind(
        "melt",
        "melt, dissolve, collapse, sink, melt into a puddle, melt away",
        "liquefy thaw drip disintegrate evaporate ooze crumble",
        "melting",
    ),
    _kind("wilt", "wilt, droop, wither, sag, slump", "flag fade languish"),
    _kind(
        "fall",
        "fall, topple, tip over, fall over, fall down, keel over",
        "tip overturn capsize plummet trip crash drop",
        "falling",
    ),
    _kind(
        "pulse",
        "breathe, pulse, pulsate, throb, beat, inflate and *deflate, expand and *contract",
        "heave respire pant inhale exhale",
        "breathing",
    ),
    _kind("flap", "flap, flap its wings, beat its wings, flutter its wings, flap up and down", "wing"),
    _kind("swim", "swim, paddle, wriggle, slither, swim forward", "squirm dive snorkel crawl"),
    _kind(
        "roll",
        "roll, tumble, roll over, turn over, roll on the ground, flip over",
        "somersault trundle flip",
        "rolling",
    ),
    _kind(
        "fly",
        "fly, float, hover, levitate, rise, soar, take off, lift off, ascend",
        "glide climb launch",
        "flying",
    ),
    _kind(
        "still",
        "stand still, stand, rest, stay still, do nothing, remain motionless",
        "pause halt freeze stop sleep stay pose",
        "still",
        states="still motionless static",
    ),
    _kind(
        "walk",
        "walk, march, stroll, stride, step, pace, walk forward, walk in place",
        "amble trudge saunter hike strut tiptoe wander stomp limp parade",
        "walking",
    ),
    _kind(
        "run",
        "run, jog, gallop, sprint, race, run in place",
        "dash scamper trot rush flee hurry canter",
        "walking",
    ),
    _kind(
        "wave",
        "wave, wave its hand, wave its arm, wave hello, wave goodbye, greet, say hello",
        "salute beckon gesture",
        "waving",
    ),
    _kind("head_nod", "nod its head, bob its head, move its head up and down, say yes", "incline lower"),
    _kind(
        "head_shake",
        "shake its head, turn its head from side to side, swing its head, say no",
        "waggle toss",
    ),
    _kind("tail_wag", "wag its tail, swing its tail, wave its tail, swish its tail, wag", "swish flick whisk"),
    _kind(
        "leaves_sway",
        "sway its leaves, move its leaves, wave its leaves, shake its leaves, rustle its leaves",
        "rustle stir",
    ),
    _kind(
        "trunk_raise", "raise its trunk, lift its trunk, swing its trunk up, curl its trunk", "raise lift hoist elevate"
    ),
    _kind(
        "dance",
        "dance, groove, dance to music, do a dance, boogie",
        "jive waltz twerk breakdance salsa disco tango moonwalk",
    ),
    _kind(
        "attack",
        "attack, fight, punch, kick, strike, hit, bite, charge",
        "lunge smash chop slash stab swipe box headbutt",
    ),
    _kind("die", "die, drop dead, fall down dead, faint, pass out, perish", "expire decease"),
    _kind("idle", "idle, wait, stand around, stand idle, breathe calmly", "linger loiter"),
    _kind("sit", "sit, sit down, take a seat, squat, crouch", "perch"),
    _kind("cheer", "cheer, celebrate, clap its hands, applaud, rejoice", "exult clap"),
    _kind("eat", "eat, chew, munch, feed, graze, nibble", "devour gobble"),
)
KINDS = {kind.name: kind for kind in _TABLE}
_UNLIKE_ANY = """explode shatter break burn burst split vanish disappear appear transform morph glow shine blink
talk speak sing laugh cry smile think drive cook drink write read shoot throw catch play build paint"""
UNLIKE_ANY = frozenset(_UNLIKE_ANY.split())  # verbs that no kind of motion is like
