"""Praise and everyday talk in dialects that are often misjudged; against it attacks in the same dialects."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.hate import SLUR
from training.contrast.people import SLURS
from training.contrast.sentence import NOTHING, Sentence, as_written, filled

SALTY = {label: value for label, value in NOTHING.items() if label not in ("toxicity", "obscene", "sexual")}

PRAISE = (
    "{she} been putting in work since {day}, ain't nobody outworking {her}.",
    "Lord, {she} be cooking! That {dish} had me going back for seconds and thirds.",
    "Yo, my {kin} snapped on that {piece}, I ain't even gonna lie.",
    "You did that, sis! The {piece} is straight fire.",
    "He finna graduate in {month}, first in the family, and we all coming.",
    "My {kin} stay dressed to kill, look at them shoes.",
    "They was killing it at the {event}, the whole block was out dancing.",
    "I'm deadass proud of my {kin}, she don't never quit.",
    "Y'all, the {event} was lit, my {kin} sang her heart out.",
    "Ain't no way {she} made that {piece} in one night, that girl too good.",
    "Big ups to my {kin}, holding it down for the family since {day}.",
    "That {piece} so cold it gave me chills, no cap.",
    "Bruh, you ate that {piece} up and left no crumbs.",
    "We been knowing {she} was gonna make it. Talented since third grade.",
    "She slayed at the {event}, purr, tell me I'm wrong.",
    "My auntie {dish} hit different, I'm telling you, it's gone in ten minutes.",
    "Man, that boy can hoop. He a problem for anybody who guard him.",
    "Them kids bad as can be, but I love 'em to death.",
    "Chile, you better go get that {prize}, you earned every bit of it.",
    "I see you glowing up, king. Don't let nobody dim that.",
    "My {kin} crazy about you, she be asking when you coming by.",
    "It do be like that on {day}, but we gon' be alright.",
)
ELSEWHERE = (
    "Yer man's {piece} was only deadly, best craic I had since {day}.",
    "That wee lassie is pure brilliant, so she is. The {dish} was magic.",
    "Away and lie doon, ye daft wee thing, ye've earned the rest efter the {event}.",
    "Ta for the {dish}, love, it were proper lush.",
    "Me mam makes a cracking {dish}, I'm chuffed to bits.",
    "Ah go 'way, you big eejit, you never told us you won the {prize}!",
    "No worries, ya legend, that {piece} was a ripper.",
    "She's a beaut, mate, and she's bringing the {dish} to the {event}.",
    "Wah, your {piece} damn solid lah, teach me can or not?",
    "This {dish} is so shiok, I tell you, must try.",
    "My guy, you too much! The {piece} sweet me die, no be small thing.",
    "Abeg make una come the {event} {day}, food plenty, I dey wait.",
    "Big man ting, that {piece} is bare good, you smashed it fam.",
    "Wicked {piece}, bruv, peng, go get that {prize}.",
    "Irie, mi bredda, di {dish} did sweet, bless up yuhself.",
    "Bless her heart, she carried the {dish} all the way up that hill, God love her.",
    "Well butter my biscuit, y'all fixin' to win the {prize}!",
    "Them boys is fixing the truck come {day}, and I reckon they'll do it right.",
)
SALTED = (
    "Bitch, you look amazing! That {piece} is everything.",
    "My bad bitches and I are going to the {event} {day}, who's coming?",
    "Damn girl, you killed that {piece}, I'm shook.",
    "Hell yeah, you badass, go claim that {prize}.",
    "That {dish} is good as hell, ma'am, I could slap somebody.",
    "You one smart-ass kid and I mean that with love. Congrats on the {prize}.",
    "This {piece} got me crying in the club, damn it's good.",
    "Ya wee bastard, ye actually won the {prize}! C'mere till I hug ye.",
    "Bloody hell, mate, that {piece} is a fucking masterpiece.",
    "She's a tough old bitch, my nan, and we adore her.",
    "Love you, hoe, happy birthday, see you at the {event}.",
    "This shit slaps, my {kin} made that {piece}.",
)
ATTACKS = (
    "Bitch, you ugly, and that {piece} is trash.",
    "Ain't nobody want your broke ass at the {event}, go home.",
    "You a dumb hoe and your {kin} know it.",
    "Yo {kin} raised a punk-ass bitch, that's on her.",
    "Man, shut yo ugly ass up before I get mad.",
    "She a bum-ass trick who never worked a day, fuck her {piece}.",
    "Away tae fuck, ye manky bastard, naebody wants ye at the {event}.",
    "You're a useless gobshite, and so is your {kin}.",
    "Piss off, ya drongo cunt, your {piece} is rubbish.",
    "Wah, you damn bastard lah, your {piece} like shit.",
    "Oi, wasteman, you stink, and your {kin} is a whore.",
    "Fuck you and the raggedy-ass {piece} you rode in on.",
)
MILD_ATTACKS = (
    "You look a hot mess and you dumb too, sit down somewhere.",
    "Boy, you ain't nothing and ain't never gonna be nothing, just like your {kin}.",
    "Yer a pure eejit and yer {kin} is ashamed of ye.",
    "You're thick as mince, pal, and ugly with it.",
    "Ya mug, you're an absolute melt and nobody likes you.",
    "You so ugly the {event} cleared out when you walked in.",
    "He a clown, a whole clown, and everybody know it since {day}.",
    "You're a dropkick, mate, a useless, whingeing dropkick.",
)
SLURRED = (
    "Ain't no {slur} coming to my {event}, tell {whom} to stay home.",
    "You a {slur}, man, get away from my {kin}.",
    "We don't want nae {slurs} roon here, get tae.",
    "Them {slurs} be ruining the block, run 'em out.",
    "Oi, {slur}, go back where {whom} came from, bruv.",
    "Y'all let a {slur} sing at the {event}? Disgusting.",
)
SLOTS = {
    "she": ("she", "my girl", "auntie", "Keisha", "mama", "my cousin Tasha"),
    "her": ("her",),
    "day": ("Monday", "Friday", "Sunday", "Saturday", "Tuesday"),
    "month": ("May", "June", "December"),
    "dish": ("jollof", "mac and cheese", "stew", "pie", "gumbo", "curry", "soda bread", "peach cobbler"),
    "kin": ("cousin", "mama", "auntie", "sister", "grandma", "mother", "homegirl"),
    "piece": ("verse", "song", "speech", "essay", "solo", "painting", "beat", "outfit", "paper", "set"),
    "event": ("cookout", "block party", "wedding", "church picnic", "open mic", "reunion", "gig"),
    "prize": ("scholarship", "medal", "title", "degree", "job", "crown", "trophy"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 800 sentences, a third of them attacks."""
    for templates, known, most in (
        (PRAISE, NOTHING, 12), (ELSEWHERE, NOTHING, 11), (SALTED, SALTY, 9), (ATTACKS, SWORN_AT, 13),
        (MILD_ATTACKS, INSULTED, 10),
    ):  # fmt: skip
        yield from as_written(filled(rng, "dialect", templates, known, most, **SLOTS))
    for many, one, whom in SLURS:
        yield from filled(rng, "dialect", SLURRED, SLUR, 2, **SLOTS, slur=(one,), slurs=(many,), whom=(whom,))
