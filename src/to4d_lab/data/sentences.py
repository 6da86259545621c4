"""The sentences around a verb: frames, places, adjectives and long tails."""

TAILS = {
    "jump": ("up and down", "in place", "up in the air", "happily", "into the air"),
    "grow": ("up", "big", "out of the ground"),
    "bloom": ("", "in spring", "beautifully"),
    "sway": ("in the wind", "side to side", "from side to side", "in the breeze", "back and forth"),
    "ripple": ("in the wind", "like a flag", "from bottom to top"),
    "leaves_sway": ("in the wind", "in the breeze"),
    "melt": ("down", "in the sun", "on the ground"),
    "wilt": ("to one side", "in the heat"),
    "rock": ("to music", "in place", "from side to side", "back and forth"),
    "dance": ("in place", "happily", "on a stage"),
    "walk": ("to the left", "to the right", "down the street"),
    "shake": ("in place", "in fear"),
    "spin": ("in place", "in a circle", "on its axis"),
    "stretch": ("up", "up and down"),
    "fall": ("to the ground", "to one side"),
    "roll": ("to one side", "on the floor"),
    "fly": ("up", "up in the air", "in the air", "into the sky"),
    "swim": ("in the water", "under water", "in the sea"),
    "wave": ("at the camera", "at us"),
}
HIGH = ("jump", "bounce", "fly")  # kinds that can be done "high"
AFTER = ("in slow motion", "fast", "a little", "a lot", "high")  # these stand behind the verb
FRAMES = {  # sentence -> how often; np is a noun phrase, n a noun without its article, the rest are forms of the verb
    "{np} {ing}": 8.0,
    "{np} is {ing}": 4.0,
    "{np} {s}": 4.0,
    "{n} {ing}": 1.5,
    "{ing} {np}": 1.0,
    "make {np} {base}": 1.0,
    "{np} that {s}": 0.7,
    "{np} that is {ing}": 0.7,
    "{np} starts {ing}": 0.5,
    "{np} begins to {base}": 0.5,
    "{np} {base}": 0.5,
    "show {np} {ing}": 0.5,
}
PART_FRAMES = {
    "the {part} of {np} {s}": 2.0,
    "{np} with its {part} {ing}": 2.0,
    "{np}, its {part} {ing}": 1.0,
    "{np} whose {part} {s}": 0.5,
}
HELD_OUT_FRAMES = {  # form of the verb -> sentences that no training caption has
    "ing": ("{n}, {ing}, studio shot", "we filmed {np} while it was {ing}", "footage where {np} can be seen {ing}"),
    "s": ("watch {np} as it {s}", "behold how {np} {s}", "every day {np} {s}"),
    "past": ("{np} just {past}", "once upon a time {np} {past}", "then, suddenly, {np} {past}"),
}
HELD_OUT_PART_FRAME = "notice how the {part} of {np} {past}"
LEADS = ("a photo of", "a video of", "an animation of", "a 3d model of", "animated", "a high quality render of")
PAINTS = ("red", "green", "blue", "yellow", "white", "black", "brown", "orange", "purple", "pink")
PAINTS += ("small", "big", "cute", "tiny", "old", "shiny")
EXTRAS = (
    "on a white background",
    "on a wooden table",
    "studio light",
    "high quality",
    "4k",
    "highly detailed",
    "3d render",
    "soft shadows",
    "in front of a blue sky",
    "in a green garden",
    "bright colors",
    "plain background",
    "smooth motion",
    "cartoon style",
    "seen from the side",
    "realistic",
    "on a grey floor",
)
