"""More praise, teasing and joy in dialects and slang; against them contempt in the same words."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.dialect import SALTY
from training.contrast.sentence import NOTHING, Sentence, filled

PRAISE = (
    "{kin_cap} been grinding all {time}, and it show.",
    "Ain't nobody do {thing} like my {kin}, and that's on mama.",
    "We was all hype when {kin} got the {win}.",
    "{name} be on time every single day, never once late.",
    "You already know {name} gon' eat when the {win} come out.",
    "She don't play about her {thing}, and I respect it.",
    "That {thing} slap, no lie, run it back.",
    "I'm finna cry, {name} really did it. Took the {win} home.",
    "He stay fly, he stay humble, he stay feeding the whole street.",
    "{name} is him. Facts. That {thing} was nasty in the best way.",
    "Not {name} out here killing the {thing}, I can't even.",
    "Bestie, you murdered that {thing}, we are all dead.",
    "Girl, that {thing} is sick, I'm obsessed.",
    "Boy, you a beast on that court, go get the {win}.",
    "Nasty dunk, filthy handles, {name} is unreal.",
    "{name} a savage on the {thing}, love to see it.",
    "Stupid good, that {thing}. Stupid, stupid good.",
    "Dumb funny, {name}. I choked on my tea.",
    "This {thing} goes so hard it's criminal.",
    "You mad talented, you know that? The {thing} had me in tears.",
    "Auld {name} is a grand fella, he'd give you the shirt off his back.",
    "Och, the wean's pure dead brilliant at {thing}.",
    "Crackin' {thing}, that. Proper job, our {name}.",
    "Yer a wee gem, {name}, so ye are, and the {thing} was class.",
    "Ey up, {name}, tha's done a grand job on t'{thing}.",
    "Good on ya, {name}, that {thing} was a bloody beauty.",
    "Cheeky bugger pinched the last biscuit and then won the {win}, bless him.",
    "You jammy sod, {name}, you got the {win}!",
    "Daft sod that I am, I cheered for the wrong team at the {win}.",
    "Silly old bugger, our {name}, but he makes a fine {thing}.",
    "Haba, {name}, you don try well well, the {thing} too sweet.",
    "Eh, {name}, you very power one, the {thing} steady lah.",
    "Wagwan, {name}, di {thing} tun up, nuff respect.",
    "Yaar, your {thing} was too good, full paisa vasool.",
    "Bro's got no chill, he brought {thing} for the whole dorm.",
    "My dawgs came through {time} and helped me move. Real ones.",
    "That's my dog right there, day one, {name} for life.",
    "Queen behaviour, {name}. Period. The {thing} ate.",
)
SALTED = (
    "Bad bitch energy all {time}, {name}, collect your {win}!",
    "That bitch can sing! {name}, I love you, the {thing} was insane.",
    "My bitch {name} got the {win}, drinks on me.",
    "Hot damn, {name}, that {thing} is the shit!",
    "You crazy motherfucker, you really won the {win}, I love you.",
    "Fucking brilliant {thing}, {name}, I am so proud.",
    "{name} is one funny bastard, I'd follow him anywhere.",
    "Badass {thing}, {name}, hell yes.",
    "Big-ass {thing}, small-ass kitchen, best party all {time}.",
    "I'm tired as shit, but the {thing} was worth it.",
)
CONTEMPT = (
    "{name} ain't shit and never been shit, and the {thing} is weak.",
    "You a bum, {name}, always been a bum, gon' die a bum.",
    "Ain't nobody checking for your ugly self, {name}.",
    "{kin_cap} raised a clown. You look stupid and you sound stupid.",
    "You dumb as a box of rocks, {name}, sit down.",
    "He stay broke, he stay dirty, he stay begging. Sorry excuse for a man.",
    "Girl, you look a mess, and you smell, and the {thing} is trash.",
    "Not {name} thinking she cute, ugly self, go home.",
    "Daft old cow, our {name}, thick as two planks and twice as ugly.",
    "Yer a roaster, {name}, a pure waste o' skin.",
    "You're a muppet and a melt, {name}, and everyone hates you.",
    "Ya big galah, {name}, too dumb to boil water.",
    "You bodoh or what, {name}? So useless one.",
    "Mumu, {name}, you no get sense at all, olodo.",
    "Bro, you're a waste of oxygen, nobody likes you.",
)
FOUL = (
    "Shut yo bitch ass up, {name}, the {thing} is garbage.",
    "You a lying-ass hoe, {name}, and yo {kin} is too.",
    "Broke-ass, dusty-ass bitch, keep {kin} name out your mouth.",
    "Fuck you, {name}, you punk-ass bitch, I hope you lose the {win}.",
    "{name} is a stupid bitch and her {thing} sucks ass.",
    "Motherfucker thinks he's cute. {name}, you ugly as shit.",
    "Bugger off, you smelly old bastard, and take your {thing} with you.",
    "Yer a useless wee cunt, {name}.",
    "You jammy cunt, {name}, I hope you choke on the {win}.",
    "Piss off, {name}, you ugly bogan bitch.",
)
SLOTS = {
    "kin": ("mama", "cousin", "brother", "auntie", "homie", "sister"),
    "kin_cap": ("Mama", "My cousin", "My brother", "Auntie", "My homie"),
    "name": ("Dre", "Tanisha", "Callum", "Moira", "Jaden", "Shanice", "Declan", "Wole", "Priya", "Lachlan"),
    "thing": ("dance", "mixtape", "barbecue", "choir solo", "homecoming dress", "braids", "goal", "poem", "lasagne"),
    "time": ("week", "summer", "night", "year", "weekend"),
    "win": ("trophy", "raise", "contract", "award", "licence", "final"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 600 sentences, a third of them attacks."""
    for templates, known, most in (
        (PRAISE, NOTHING, 9), (SALTED, SALTY, 8), (CONTEMPT, INSULTED, 9), (FOUL, SWORN_AT, 10),
    ):  # fmt: skip
        yield from filled(rng, "dialect", templates, known, most, **SLOTS)
