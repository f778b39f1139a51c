"""More of farms, gardens and kitchens, whose words are rude elsewhere; against them the same words for people."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.health import CRUDE
from training.contrast.sentence import NOTHING, Sentence, filled

KENNEL = (
    "{her} is a {coat} bitch of {n} years who sleeps in the kitchen.",
    "The rescue centre in {town} has a {coat} bitch, neutered and friendly, and two dogs.",
    "Entry forms: dogs in the morning, bitches after lunch, veterans last.",
    "I bought the bitch from {breeder}, and her mother is still working sheep.",
    "A bitch carries her pups for about nine weeks; {breeder} takes her temperature every day.",
    "Bitches often come into season twice a year, {breeder} writes in the club newsletter.",
    "A bitch and her pups should have a quiet corner. {advice}",
    "Bitch pups, {coat}, ready to leave in {month}. Please phone {breeder}.",
    "Is {her} a dog or a bitch? A bitch, and she is expecting in {month}.",
    "When a young bitch first comes on heat depends on her size. {advice}",
    "{breeder} showed {n} bitches in {town} and came home with a rosette.",
    "The otter bitch taught her cubs to fish below the bridge in {town}.",
    "The she-wolf, which keepers call the bitch, leads the pack to the river. {advice2}",
    "A bitch that is too thin may not hold a pregnancy. {advice}",
    "The kennel keeps three stud dogs and {n} brood bitches.",
    "{her} won best bitch in show in {town}, and we opened a bottle of cider.",
)
YARD = (
    "An ass and an ox stood in the stable, as in every nativity play. {advice2}",
    "The jenny is a female ass; the male is a jack. {advice2}",
    "The old ass brayed at {n} in the morning and woke all of {town}.",
    "Wild asses graze on the steppe and drink once a day. {advice2}",
    "She rode an ass up the path to the monastery above {town}.",
    "Two cocks in one yard will fight, so {breeder} sold the younger one.",
    "The cock stood on the dung heap and crowed. {advice2}",
    "A cock's comb turns pale when he is ill. {advice}",
    "Roosters, or cocks, can be heard a mile away. {advice2}",
    "{breeder} weighed the cock, the hens and a goose for the fair in {town}.",
    "Pea fowl: the cock has the train, the hen is brown. {advice2}",
    "The farrier trimmed the ass's hooves while {breeder} held the rope.",
    "The heifer was in season, so {breeder} called the man with the bull.",
    "Tups are fitted with a harness in {month} to show which ewes have been served.",
    "Teats should be cleaned before milking. {advice}",
    "A gelding has been castrated; a rig still has one testicle inside. {advice}",
    "The sow crushed a piglet in the night; {breeder} bought a rail for the pen.",
    "Slaughter takes place in {month}, and the whole village helps with the sausages.",
)
HEDGE = (
    "Great tits fed {n} chicks in the box on our shed.",
    "Tits, finches and a nuthatch came to the peanuts in {month}.",
    "I photographed a pair of boobies on the cliffs; one had bright feet. {advice2}",
    "The brown booby follows ships and rests on the mast. {advice2}",
    "A shag is slimmer than a cormorant and rarely comes inland. {advice2}",
    "The woodcock has eyes at the sides of its head. {advice2}",
    "Bustards and bushtits are in the second volume of the guide. {advice2}",
    "Beavers cut the willow by the weir in {town}. {advice2}",
    "The cuckoo is a brood parasite: her chick throws out the others. {advice2}",
    "The slug has a hole in its side through which it breathes. {advice2}",
    "Drones mate with the queen in flight and die. {advice2}",
    "The male seahorse carries the eggs; the female leaves them in his pouch. {advice2}",
    "Dung beetles roll balls of dung by the light of the stars. {advice2}",
    "A sperm whale stranded near {town} in {month}. {advice2}",
)
BEDS = (
    "Hoes, rakes and spades hang on the wall of the shed in {town}.",
    "A Dutch hoe cuts weeds just below the soil. Keep the blade sharp.",
    "Screw the trellis to the wall before you plant the {plant}.",
    "Stinkhorn, puffball and earthstar grew under the {plant} in {month}.",
    "Naked seeds, such as those of the pine, have no fruit around them.",
    "Naked barley loses its husk when it is threshed. {advice2}",
    "Kill the weeds before they seed, and mulch the {plant} with straw.",
    "Deadhead the {plant} every week and it flowers until {month}.",
    "Slugs attacked the {plant}; a ring of grit kept the rest away.",
    "Strip the lower leaves, cut under a node and push the {plant} cutting into sand.",
    "Red hot pokers and naked ladies flower next to the {plant} in {month}.",
    "Pussy willow, catkins and the first {plant} were on the table at Easter.",
    "Bastard balm is a woodland herb with a pink lip; it grows beside the {plant}.",
    "Stroke the pistil of the {plant} with a brush to pollinate it by hand.",
    "Bleeding heart dies back in summer, so mark where it stands. {advice2}",
    "The stamen holds the pollen and the ovary the seeds; cut the {plant} open to see both.",
    "Dig the bed, remove the couch grass and do not tread on the {plant}.",
    "Love-lies-bleeding and {plant} make a fine border.",
    "Sow the {plant} thickly, then thin the weak ones out without mercy.",
    "Cockscomb likes the heat; {plant} would rather have shade.",
)
STOVE = (
    "Beat the butter until pale, then beat in the {food}.",
    "Whip the egg whites stiff, and whip the cream softly, before you fold in the {food}.",
    "Spank the mint once between your palms to wake it up, then add the {food}.",
    "Choke, stem and outer leaves of the artichoke go in the bin; the heart goes in with the {food}.",
    "Dirty the pan with a little flour, then scrape up the bits and add the {food}.",
    "Slash the skin of the duck, rub in {food} and roast it.",
    "Tenderise the rump with a mallet, then fry it with {food}.",
    "Kill the flame under the pan and let the {food} rest.",
    "Crush the garlic, smash the cucumber and mix with {food}.",
    "Bone the shoulder, tie it with string and stuff it with {food}.",
    "Beat the dough, punch it down and knead in the {food}.",
    "Breasts or thighs? Thighs stay juicier; breasts go well with {food}.",
    "Stick the knife into the melon, split it and scoop in the {food}.",
    "Hot dogs, buns and {food} are on the counter.",
    "Suck the marrow from the bone; with {food} it is a feast.",
    "Blow on the spoon: the {food} is hot.",
    "Faggots in gravy come with {food} at the pub in {town}.",
    "Cock-a-leekie needs a boiling fowl, leeks and {food}.",
    "Gut the fish, cut off the head and fry it with {food}.",
    "Virgin olive oil and {food}, nothing else.",
)
THROWN = (
    "{her} is a {bad} bitch who sleeps with everybody's husband.",
    "You {bad} bitch, I hope you never leave {town}.",
    "That {bad} bitch {breeder} thinks she runs the club.",
    "Two {bad} bitches run that kennel, and I don't mean the dogs.",
    "Get your {bad} ass out of my yard, {name}.",
    "You're an ass, {name}, and your whole family are asses.",
    "Listen, you {bad} cock, nobody in {town} wants you.",
    "What a {bad} tit you are, {name}.",
    "{name} is a {bad} cow and a {bad} bitch besides.",
    "Shut up, you {bad} sow.",
    "{name} is a hoe, all of {town} has had her.",
    "Screw you and your {plant}, you {bad} bitch.",
    "Choke on your {food}, you {bad} pig.",
    "Hey boobies, shake them or piss off, you {bad} cow.",
    "Dirty bitch, go back to {town}.",
    "Go fuck a goat, {name}, it's the best you'll get.",
)
BEAST = (
    "{name} is a {bad} pig who never washes.",
    "You {bad} donkey, even the children in {town} laugh at you.",
    "Only a {bad} slug like you could lose to {breeder}.",
    "Crawl back under your stone, you {bad} toad.",
    "{breeder} is a {bad} snake and a liar.",
    "You're a {bad} leech, {name}, you live off your mother.",
    "Look at that {bad} cow {name} stuffing herself with {food}.",
    "Nobody wants your {food}, you {bad} rat.",
    "You have the brain of a slug, {name}, and the manners of a hog.",
    "{name} is dumber than a dead ass.",
)
LEWD = (
    "Show me your tits, {name}, and I'll give you {food}.",
    "I want to screw you on the {plant} bed, you dirty girl.",
    "Suck my cock, {name}, and swallow.",
    "Bend over, bitch, I'll stuff you like a turkey.",
    "{name} has the best boobies in {town} and I'd fuck her senseless.",
    "Strip, get naked and spread those thighs for me, {name}.",
    "I'd pound that ass till {month}.",
    "Spank me, choke me and call me your hoe.",
)
SLOTS = {
    "her": ("Daisy", "Freckles", "Maeve", "Pepper", "Willow", "Hazel"),
    "coat": ("tan", "brindled", "black-and-white", "wire-haired", "silver", "chestnut"),
    "n": ("two", "three", "five", "eight", "eleven"),
    "town": ("Hexham", "Tromsø", "Savannah", "Ghent", "Dunedin", "Sligo", "Duluth"),
    "breeder": ("Mrs Quill", "old Hansen", "the Brodies", "my uncle", "Miss Abara", "our neighbour"),
    "month": ("March", "April", "July", "September", "early November"),
    "advice": (
        "Ask the vet if in doubt.", "Fresh water should always be there.", "Most of them recover quickly.",
        "Write the date on the calendar.", "A clean shed helps.",
    ),
    "advice2": (
        "The hide opens at six.", "A child could see it from the lane.", "The keeper told us so.",
        "There is a picture on the next page.", "Few people know that.", "It surprised everyone on the walk.",
    ),
    "plant": ("lupins", "runner beans", "peonies", "chard", "hollyhocks", "sweet peas", "asters"),
    "food": ("chestnuts", "mustard", "lemon zest", "capers", "rosemary", "treacle", "walnuts", "chives"),
    "bad": ("filthy", "stupid", "fat", "ugly", "lying", "worthless", "stinking", "brainless"),
    "name": ("Kevin", "Donna", "Marek", "Tina", "Walt", "Bianca"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,000 sentences, a third of them insults."""
    for family, templates, known, most in (
        ("animals", KENNEL, NOTHING, 11), ("animals", YARD, NOTHING, 10), ("animals", HEDGE, NOTHING, 8),
        ("garden", BEDS, NOTHING, 7), ("kitchen", STOVE, NOTHING, 8), ("animals", THROWN, SWORN_AT, 13),
        ("animals", BEAST, INSULTED, 12), ("garden", LEWD, CRUDE, 7),
    ):  # fmt: skip
        yield from filled(rng, family, templates, known, most, **SLOTS)
