"""Which body the things have that nouns name: two legs or four, wings, fins, a stem, or no limbs at all."""

import re
from functools import cache

from to4d.lexicon.text import words

PEOPLE = """
man woman boy girl child kid baby person people human lady gentleman guy toddler teenager king queen prince princess
knight mage wizard witch sorcerer warlock cleric paladin monk priest nun pope rogue ranger archer barbarian warrior
fighter soldier guard viking samurai ninja pirate gladiator spartan hunter thief assassin heroine villain astronaut
cosmonaut spaceman diver pilot driver sailor captain cowboy sheriff policeman cop officer firefighter doctor nurse
chef cook baker waiter butcher farmer gardener miner builder worker engineer mechanic scientist teacher student nerd
clown jester mime magician dancer ballerina singer musician guitarist drummer boxer wrestler athlete runner skater
skier footballer goalkeeper gymnast golfer businessman businesswoman bride groom santa elf dwarf gnome hobbit fairy
angel giant troll ogre goblin orc zombie mummy skeleton vampire werewolf ghoul bigfoot sasquatch yeti minotaur golem
cyclops superhero scarecrow snowman mannequin android cyborg humanoid mech mecha ape gorilla chimp chimpanzee
orangutan teddy ragdoll nutcracker gingerbread penguin
"""
FOUR_LEGGED = """
dog puppy hound retriever shepherd collie husky poodle beagle corgi dachshund terrier pug bulldog dalmatian shiba wolf
fox coyote jackal hyena cat kitten tomcat lion lioness tiger leopard cheetah panther jaguar puma cougar lynx bobcat
bear panda koala horse pony foal stallion mare donkey mule zebra unicorn pegasus cow bull ox calf cattle bison buffalo
yak sheep lamb ram goat deer stag doe fawn elk moose reindeer caribou antelope gazelle impala wildebeest camel
dromedary llama alpaca giraffe okapi pig piglet hog boar warthog tapir rhino rhinoceros hippo hippopotamus elephant
mammoth mastodon mouse rat hamster gerbil guinea squirrel chipmunk beaver otter badger weasel ferret mink skunk
raccoon mole hedgehog porcupine armadillo anteater aardvark sloth rabbit bunny hare opossum possum wombat monkey
baboon lemur frog toad newt salamander axolotl gecko lizard iguana chameleon komodo crocodile alligator turtle
tortoise triceratops stegosaurus ankylosaurus brachiosaurus brontosaurus diplodocus apatosaurus sauropod centaur
griffin gryphon chimera sphinx cerberus quadruped
"""
CREATURES = """
robot droid automaton monster alien demon devil imp beast dragon wyvern drake hydra dinosaur dino tyrannosaurus trex
t-rex rex velociraptor raptor allosaurus spinosaurus therizinosaurus carnotaurus dilophosaurus kangaroo wallaby
meerkat godzilla mutant gargoyle
"""
BIRDS = """
bird eagle hawk falcon buzzard vulture condor owl crow raven magpie jay sparrow robin finch canary swallow swift
pigeon dove seagull gull albatross pelican parrot macaw cockatoo budgie toucan hummingbird woodpecker kingfisher duck
duckling goose gosling swan chicken hen rooster cock chick turkey peacock pheasant quail ostrich emu flamingo heron
stork crane ibis bat pterodactyl pteranodon pterosaur phoenix
"""
FISHES = """
fish goldfish shark whale orca dolphin porpoise ray manta stingray salmon trout tuna cod carp koi herring sardine
mackerel perch pike bass catfish swordfish marlin clownfish angelfish pufferfish blowfish piranha anglerfish barracuda
sturgeon halibut flounder narwhal beluga manatee dugong tadpole ichthyosaur mosasaurus
"""
SNAKES = "snake cobra python viper rattlesnake anaconda boa serpent worm earthworm caterpillar maggot slug eel leech"
INSECTS = """
insect ant bee wasp hornet bumblebee beetle ladybug ladybird bug cockroach cricket grasshopper locust mantis fly
mosquito moth butterfly dragonfly firefly termite flea spider tarantula scorpion crab lobster tick centipede millipede
"""
PLANTS = """
plant houseplant flower sunflower tulip rose daisy lily orchid poppy lavender dandelion lotus iris carnation bouquet
tree palm pine fir oak birch willow maple bonsai cactus succulent aloe agave bush shrub hedge fern grass reed wheat
corn bamboo weed ivy vine mushroom toadstool leaf sapling seedling sprout seaweed kelp coral anemone petal
"""
BENDING = """
candle candlestick candelabra lamp lantern streetlight streetlamp lamppost torch pole post mast antenna rod feather
flame fire
"""
CLOTH = "flag banner sail curtain cloth scarf sheet ribbon rope kite blanket carpet towel"
WATER = "water sea ocean"
THINGS = """
object thing car automobile taxi van bus truck lorry tractor excavator bulldozer digger forklift ambulance limousine
jeep racer buggy kart bicycle bike motorcycle motorbike scooter tricycle skateboard racecar train locomotive tram
wagon cart carriage sled sledge plane airplane aeroplane aircraft jet helicopter drone rocket spaceship spacecraft
shuttle ufo satellite balloon airship boat ship yacht canoe kayak raft submarine tank cannon trailer wheel tire engine
motor cake pie bread burger hamburger cheeseburger sandwich pizza taco donut doughnut cookie biscuit croissant muffin
cupcake pancake egg cheese sausage steak sushi apple pear orange lemon lime banana peach plum cherry strawberry grape
pineapple watermelon melon pumpkin jackolantern tomato potato carrot onion pepper eggplant cucumber cabbage lettuce
avocado nut acorn chair armchair stool bench sofa couch table desk bed shelf bookshelf cupboard cabinet wardrobe
drawer dresser crib cradle swing door window house hut cabin castle tower church temple lighthouse windmill barn tent
bridge fence gate wall stair ladder building skyscraper bell drum guitar violin cello piano trumpet flute harp cup mug
glass bottle jar jug vase bowl plate pot pan kettle teapot teacup spoon fork knife can barrel bucket basket box crate
chest bag backpack suitcase purse book notebook pen pencil brush clock watch phone telephone laptop computer keyboard
monitor screen television tv radio camera speaker microphone fan heater stove oven fridge refrigerator toaster blender
washer vacuum iron hammer saw screwdriver wrench axe shovel rake broom pickaxe sword dagger spear shield bow arrow gun
pistol rifle bomb grenade helmet hat cap crown shoe boot sneaker sandal glove shirt dress ring necklace key lock coin
gem diamond crystal rock stone mountain cloud moon sun star planet earth globe ball football basketball dice cube
sphere cone cylinder pyramid top puzzle lego block umbrella mirror picture painting sculpture fountain trophy medal
pillow mattress toilet sink bathtub shower tap faucet anchor compass telescope microscope magnet battery bulb
lightbulb heart skull bone tooth
"""
PARTS = "branches tail wings trunk head ears hair leaves petals"  # of bodies and plants, which wave without an arm
FIGURES = "figure figurine statue statuette doll puppet character mascot hero avatar"
"""They stand for something, as a lion figure for a lion; with no other word, for a person."""
LIMBED = ("biped", "quadruped", "insect", "bird", "snake")  # of what comes in any shape: robots, dragons
ANIMAL = ("quadruped", "biped")  # figures of animals often stand upright
ENDINGS = {  # of words written as one: snowman, battleship
    **dict.fromkeys(("man", "woman", "boy", "girl"), ("biped",)),
    **dict.fromkeys(("fish", "shark", "whale"), ("fish",)),
    **dict.fromkeys(("flower", "plant", "tree", "candle", "lamp"), ("stem",)),
    **dict.fromkeys(("bird", "eagle"), ("bird",)),
    **dict.fromkeys(("snake", "worm"), ("snake",)),
    **dict.fromkeys(("horse", "bear", "hound"), ANIMAL),
    **dict.fromkeys(("saurus", "raptor", "bot"), LIMBED),
    **dict.fromkeys(("ship", "boat", "plane", "house", "truck", "bike", "ball"), ("thing",)),
}
IRREGULAR = dict(
    men="man", women="woman", children="child", people="person", geese="goose", mice="mouse", oxen="ox", leaves="leaf",
    wolves="wolf", calves="calf", elves="elf", dwarves="dwarf", knives="knife", shelves="shelf",
)  # fmt: skip


@cache
def _table() -> dict[str, tuple[str, ...]]:
    """Noun -> its bodies, likeliest first; of a noun in two lists, the later counts."""
    groups = (
        (PEOPLE, ("biped",)),
        (FOUR_LEGGED, ANIMAL),
        (CREATURES, LIMBED),
        (BIRDS, ("bird",)),
        (FISHES, ("fish",)),
        (SNAKES, ("snake",)),
        (INSECTS, ("insect",)),
        (f"{PLANTS} {BENDING}", ("stem",)),
        (f"{THINGS} {CLOTH} {WATER}", ("thing",)),
    )
    return {noun: bodies for text, bodies in groups for noun in text.split()}


def bodies_of(noun: str) -> tuple[str, ...]:
    """The body classes (`to4d.types.BODIES`) that what a noun names may have, likeliest first; () if it is unknown.

    The last known word decides.

    >>> bodies_of("hand bell"), bodies_of("red foxes"), bodies_of("two-headed dragon")[0], bodies_of("yoshi")
    (('thing',), ('quadruped', 'biped'), 'biped', ())
    >>> bodies_of("lion figure") == bodies_of("lion"), bodies_of("action figure"), bodies_of("toy")
    (True, ('biped',), ())
    """
    said = words(re.sub(r"[\W_]+", " ", noun))
    found = [bodies for word in reversed(said) for bodies in [_bodies_of_word(word)] if bodies]
    if not found and not set(said).isdisjoint(FIGURES.split()):
        return ("biped",)
    return found[0] if found else ()


def _bodies_of_word(word: str) -> tuple[str, ...]:
    """Of a word in singular or plural, or of one that ends as a known one does."""
    forms = [word, IRREGULAR.get(word, word), *(word.removesuffix(plural) for plural in ("s", "es"))]
    forms += [word.removesuffix("ies") + "y"]
    known = [_table()[form] for form in forms if form in _table()]
    return known[0] if known else next((ENDINGS[end] for end in ENDINGS if forms[2].endswith(end)), ())
