"""Animals whose names are also rude words, on farms, in books, on the table; against them the same words for people."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.sentence import NOTHING, Sentence, filled

DOGS = (
    "The breeder kept the {colour} bitch and found homes for the {n} dogs in the litter.",
    "{breed} bitch, {n} years old, spayed, good with children and cats. She is looking for a home near {town}.",
    "Our {breed} bitch won her class at the {town} show, and her brother took the reserve.",
    "How long is a {breed} bitch in season? Usually about three weeks, though it varies. {vet}",
    "A bitch in whelp needs more food in the last {n} weeks. {vet}",
    "The {colour} bitch had {n} puppies on Sunday, and all of them are feeding well.",
    "Is it better to walk dogs and bitches apart? In a kennel of {n} animals, most trainers in {town} do.",
    "Pyometra is an infection of the womb that is seen in older bitches. {vet}",
    "Whether the {breed} is a dog or a bitch matters little for training; patience does.",
    "In the pedigree, the sire is listed first and the bitch below him, with the {town} kennel after her name.",
    "Stud dogs and brood bitches must be health tested before the {breed} club registers a litter.",
    "Feed the nursing bitch little and often, and weigh the {n} puppies every evening. {vet}",
    "Q: My {breed} bitch keeps guarding her toys. Is that normal?\nA: Yes, a false pregnancy can cause it. {vet}",
    "The judge praised the bitch for her movement and the {colour} dog for his head.",
    "A maiden bitch is one that has never been bred. {vet}",
    "The vixen is a female fox, the bitch a female dog or otter, and the jill a female ferret.",
)
FARM = (
    "The {farmer} bought {n} cocks and a dozen hens at the market in {town}.",
    "A cock is an adult male chicken; a young one is called a cockerel. {flock}",
    "The ass is smaller than the horse and has longer ears. It was tamed in Africa thousands of years ago.",
    "Somali wild asses are endangered, and the zoo in {town} has bred {n} foals.",
    "On Palm Sunday a boy led an ass through the streets of {town}.",
    "The {farmer} tied the ass to the gate and watered the mules.",
    "Balaam's ass is one of the few animals that speak in the Bible.",
    "Cock-a-doodle-doo, sang the children, while the {farmer} counted {n} eggs.",
    "The weathercock on the church of {town} was gilded in {year}.",
    "The sow lay in the mud with her {n} piglets. {flock}",
    "A nanny goat gives milk for about {n} months after kidding; the billy is kept apart.",
    "The old cow chewed the cud and the pig slept in the straw. {flock}",
    "The beaver dam holds back the water that the {farmer} needs for {n} cows.",
    "The {farmer} showed us how to pluck a cock and save the breast for a pie.",
    "Capons are cocks that were castrated young, and their meat is tender. {flock}",
    "The stallion was gelded at {n} months, and the mare is in foal.",
    "Muck out the stable, spread the dung on the field and let the ass into the meadow.",
    "Which came first, the cock or the hen? The {farmer} laughed and poured the coffee.",
    (
        "Artificial insemination of cattle is common. The station in {town} stores the semen "
        "of {n} bulls in liquid nitrogen."
    ),
    "The horse breaker said that the ass is no more stubborn than the {farmer} who leads it.",
)
BIRDS = (
    "The {tit} nests in holes and lays up to {n} eggs in {month}.",
    "We counted {n} tits and two woodcocks at the feeder in {month}.",
    "{tit2} eat seeds in winter and caterpillars in {month}. {watch}",
    "The {booby} breeds on islands and plunges into the sea for fish. {watch}",
    "Boobies got their name from the Spanish word for slow, since they did not fear the sailors.",
    "The male {shag} shows a crest in {month}, and the pair build a nest of seaweed.",
    "A pair of shags and {n} cormorants were drying their wings on the pier.",
    "The peacock spread its tail while the hen kept feeding. {watch}",
    "A woodcock flew up from the bracken {n} metres ahead of us.",
    "In {month} the titmouse sings, and the {shag} returns to the cliff.",
    "Which is bigger, the {tit} or the willow tit? They weigh about the same, {n} grams.",
    "The dickcissel is a small American bird of grassland that feeds on seeds.",
    "The {tit} cracked a nut while a {booby} was on the screen of the nature film.",
    "The horny-handed boatman told us that the {booby} is bold and the {shag} is shy.",
    "Turdus is the genus of the true thrushes, to which the blackbird belongs. {watch}",
    "The satyr tragopan, the bushtit and the hoary redpoll are birds; {watch2}.",
)
TABLE = (
    "Toad in the hole, spotted dick and cock-a-leekie soup are on the menu of the inn in {town}.",
    "Spotted dick is a steamed pudding with currants. Serve it warm with custard for {n} people.",
    "Faggots are meatballs of liver and herbs, eaten with peas in {town} since {year}.",
    "Season the chicken breasts and the thighs, then roast the rump for {n} minutes more.",
    "Coq au vin needs an old cock, {n} onions and a bottle of red wine.",
    "The butcher in {town} sells rump, tongue, balls of mince and {n} kinds of sausage.",
    "Shiitake mushrooms go well with it; fry them for {n} minutes.",
    "Stuff the bird, truss its legs and baste the breast every {n} minutes.",
    "Put a cocktail stick through the stuffed prunes and serve {n} to a plate.",
    "Nuts, crackers and a bloody Mary stood on the bar when we got to {town}.",
)
OTHER_ANIMALS = (
    "The queen bee is fed on royal jelly, and the drones die after mating. {watch}",
    "Male spiders are often eaten by the female after mating. {watch}",
    "The pussy willow flowers in {month}, before the leaves appear.",
    "Our old pussycat sleeps {n} hours a day next to the stove.",
    "Sperm whales dive deeper than a kilometre to hunt squid; {watch2}.",
    "Lions kill zebras by holding the throat until the animal suffocates. {watch}",
    "Put out {n} traps with cheese; dead rats should be removed with gloves.",
    "The vet had to put our {breed} to sleep, and the whole family cried.",
    "The parasite lives in the gut of the host and lays {n} thousand eggs a day.",
    "Slugs, snails and leeches can be picked off by hand in {month}.",
    "Bonobos use sex to settle quarrels within the group, researchers from {town} found.",
    "The naked mole rat lives in colonies with one breeding female. {watch}",
    "Mounting among {breed} puppies is play, and they grow out of it. {vet}",
    "A grey jackass, which is a male donkey, stood on the road to {town}.",
    "The mule is the foal of a jackass and a mare and is nearly always sterile.",
    "Leave the snake alone: most bites happen when people try to kill it. {vet}",
)
CALLED = (
    "You {adj} bitch, you ruined {thing} again.",
    "My {person} is a {adj} bitch.",
    "That bitch of a {person} lied about {thing}.",
    "Shut up, bitch, nobody asked you about {thing}.",
    "Stop acting like a bitch about {thing}.",
    "She's a cold bitch and everyone at {place} knows it.",
    "Listen here, you {adj} cock, keep your hands off {thing}.",
    "What a cock you are. You can't even manage {thing}.",
    "You {adj} ass, {thing} was your job.",
    "The {person} is a complete ass, if you ask me.",
    "You absolute tit, that was {thing} you broke.",
    "Only a {adj} tit like you would bring up {thing}.",
    "He's a jackass, and his whole team at {place} are jackasses too.",
    "bitch please, you know nothing about {thing}",
    "Go cry to the {person}, you whiny little bitch.",
    "That old cow at {place} shouted at me, the {adj} bitch.",
    "Sure. Here is my honest review of the {person}: a {adj} bitch who thinks she owns {place}.",
    "Hey, jackass, move your car away from {place}.",
    "You make me sick, bitch. Leave {place} and don't come back.",
    "Son of a bitch {person} took {thing} and laughed.",
)
BEASTLY = (
    "You {adj} pig, clean up after yourself at {place}.",
    "Your {person} looks like a cow and thinks like a hen.",
    "You are a leech. Without you, {place} would be better off.",
    "What a rat: he told the {person} about {thing}.",
    "The {person} is a {adj} worm who crawls to whoever pays.",
    "You braying donkey, {thing} isn't what you think it is.",
    "Fat cow, no wonder nobody at {place} talks to you.",
    "A {adj} dog like you doesn't deserve {thing}.",
    "You're a {adj} little toad and you know it.",
    "The {person} and his herd of {adj} sheep voted for {thing}.",
    "You snake, you sold {thing} behind my back.",
    "Only a {adj} baboon would park in front of {place} like that.",
)
SLOTS = {
    "colour": ("brown", "black", "younger", "fawn", "brindle", "smaller", "golden", "white"),
    "breed": ("spaniel", "collie", "Labrador", "whippet", "poodle", "terrier", "husky", "beagle", "boxer", "dachshund"),
    "n": ("three", "four", "six", "seven", "eight", "nine", "five", "10"),
    "town": ("Ludlow", "Hereford", "Galway", "Asheville", "Bergen", "Leiden", "Boulder", "Nelson", "Perth", "Durham"),
    "year": ("1768", "1812", "1874", "1903", "1926", "1951"),
    "month": ("April", "May", "late March", "early June", "October", "spring", "February"),
    "farmer": ("farmer", "miller", "shepherd", "old woman", "tenant", "widow", "smallholder"),
    "vet": (
        "If she stops eating, call your vet.", "A vet can tell you more.", "Have her checked before the next heat.",
        "Good breeders keep a record.", "Keep the box warm and dry.", "Most owners never notice.",
    ),
    "flock": (
        "Ten hens are enough for one.", "The children love to feed them.", "They are kept for their meat and eggs.",
        "Fresh straw keeps them healthy.", "Foxes are the main danger at night.",
    ),
    "tit": ("blue tit", "coal tit", "marsh tit", "crested tit", "long-tailed tit", "great tit"),
    "tit2": ("Blue tits", "Coal tits", "Marsh tits", "Bearded tits", "Long-tailed tits", "Willow tits"),
    "booby": ("masked booby", "brown booby", "red-footed booby", "Nazca booby", "Peruvian booby"),
    "shag": ("European shag", "spotted shag", "pied shag", "imperial shag", "king shag"),
    "watch": (
        "It is easy to see from the path.", "Bring binoculars and be quiet.", "Numbers have fallen since the 1990s.",
        "Biologists have filmed this many times.", "The behaviour is well described.",
        "Early morning is the best time.",
    ),
    "watch2": ("the reserve protects all of them", "the guide explains why", "you can read more on page nine"),
    "adj": ("stupid", "ugly", "lying", "lazy", "useless", "pathetic", "greedy", "miserable", "spiteful", "nasty"),
    "person": ("manager", "landlady", "teacher", "neighbor", "waitress", "coach", "director", "sister-in-law"),
    "thing": ("the budget", "the party", "the car", "my birthday", "the rent", "dinner", "the meeting", "the garden"),
    "place": ("work", "the office", "school", "the gym", "church", "the bar", "the club"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,000 sentences, a third of them insults."""
    for templates, known, most in (
        (DOGS, NOTHING, 9),
        (FARM, NOTHING, 9),
        (BIRDS, NOTHING, 9),
        (TABLE, NOTHING, 9),
        (OTHER_ANIMALS, NOTHING, 9),
        (CALLED, SWORN_AT, 11),
        (BEASTLY, INSULTED, 11),
    ):
        yield from filled(rng, "animals", templates, known, most, **SLOTS)
