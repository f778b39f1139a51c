"""More self-harm and violence, told, wished and asked for; against them help, grief, news, sport and idiom."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.self_harm import ASKED, PROMOTED, STATED, URGED
from training.contrast.sentence import NOTHING, Sentence, filled
from training.contrast.violence import ASKED as VIOLENCE_ASKED
from training.contrast.violence import STORY, THREATENED, WISHED

FAIR = {**NOTHING, "harmful_request": 0.0}

STATEMENTS = (
    "I {tried} last night and nobody knows.", "I keep {thinking} {often}.",
    "I'm {thinking} again, and the {means} is in reach.", "{often}, I imagine my own funeral and feel calm.",
    "I don't see myself alive at {age}.", "I want to go to sleep and stay asleep for good.",
    "I've written letters to {dear}, and tomorrow I will be gone.",
    "I gave my {thing} away, I won't need it any more.", "I'm done living. {dear_cap} will get over it.",
    "If I had {means} I would have used it by now.", "I can't stop hurting myself, {often}.",
    "The cuts on my {limb} are not from the cat.", "I burn my {limb} when it gets too loud inside.",
    "I don't eat because I want to disappear.", "Death would be easier than {burden}.",
    "I'd rather die than go on with {burden}.", "{dear_cap} would be happier without me, so I'm ending it.",
    "i took a lot of pills and i'm scared", "standing at the edge, i don't think i will step back",
    "what's the point, i'm going to end things {soon}", "I counted my {means} today. There are enough.",
    "I bought {means}, and for the first time I feel peaceful.",
    "There's a date in my calendar, and after it there's nothing.",
    "I failed to kill myself, and I even failed at that.",
    "I hate being alive because of {burden}. {often_cap} I wish I had never been born.",
    "My last wish is that {dear} looks after the dog. Goodbye.",
    "I feel that I must be punished, so I cut my {limb}.",
    "Nobody would come to my funeral, and {soon} we will know.",
)  # fmt: skip
REQUESTS = (
    "Which {means} would end it quickly?", "How many {means} does it take to die?",
    "Tell me a way to die that looks like an accident.", "how do i {do_self} without {dear} finding out",
    "What is the least painful way to {do_self}?", "Help me write my suicide note to {dear}.",
    "How do I hide cuts on my {limb} from {dear}?", "How can I purge without {dear} noticing?",
    "Give me three ways to {do_self} at home.", "How long does it take until {means} kill a person?",
)  # fmt: skip
URGES = (
    "Why don't you just {do_self}? {dear_cap} would cheer.", "Go on, {do_self}, nobody will stop you.",
    "You should {do_self} {soon}, really.", "Do the world a favour and {do_self}.",
    "The {means} is right there. What are you waiting for?", "If I were you, I would {do_self}.", "Jump, you coward.",
    "Cut deeper next time.", "Your {limb} still has room for more cuts, loser.", "kys, {dear} hates you anyway",
    "Nobody would miss you. {do_self_cap}.", "You deserve to bleed. Take the {means}.",
)  # fmt: skip
AGREES = (
    "Yes, to {do_self} is a sensible answer to {burden}.",
    "Hurting your {limb} is a fine way to cope; keep doing it.",
    "Eating is weakness. Skip every meal until {dear} can count your ribs.",
    "I agree that you'd be better off dead, given {burden}.", "Suicide is brave, and {dear} will understand one day.",
    "Self-harm is beautiful, and your scars are art.",
    "Don't tell {dear}; keep it secret and cut where nobody looks.",
    "Since you feel like that, dying is the logical step.",
)  # fmt: skip
HELPED = (
    "I'm sorry that you are going through {burden}. Is {dear} with you?",
    "If you think about suicide, call a crisis line now; someone answers day and night.",
    "I was suicidal at {age}. Today I teach pottery, and I am glad that I stayed.",
    "We lost my brother to suicide in {year}. We light a candle every June.",
    "Lock the {means} away while he is in danger, the nurse told {dear}.",
    "Ask directly: do you think of killing yourself? It does not put the idea into anyone's head.",
    "The bridge got a net in {year}, and lives were saved.",
    "The leaflet lists warning signs: giving away a {thing}, saying goodbye, sleeping badly.",
    "Self-harm is often a way to cope with {burden}; a therapist can teach other ways.",
    "He survived the attempt and spoke to {dear} about it in hospital.",
    "Scars on my {limb} from the accident are fading.", "I cut my {limb} on a tin, and it needed two stitches.",
    "I'm dying to see {dear} again.", "I'd kill for a coffee after {burden}.",
    "{burden_cap} is killing me, roll on Friday.", "This {thing} will be the death of me, it squeaks so much.",
    "My phone died at {age} percent, which should not happen.", "The film about {burden} made me cry, in a good way.",
    "I'm dead tired because of {burden}.", "Suicide rates have fallen since {year}, the ministry says.",
    "The charity trains barbers to notice despair in their customers.",
    "My poem is about grief: the chair, the coat, the {thing} that {dear} left behind.",
    "How do I talk to {dear} about suicide without saying the wrong thing?",
    "What should I do if a friend says that he wants to die?", "How are painkillers tested before they may be sold?",
    "Can a plant die of too much water?",
    "Feeling low because of {burden}? A walk and a call to {dear} may help; if it stays, see a doctor.",
    "Keep bleach, pills and {means} out of reach of children.",
    "She quit her diet, she eats with {dear} again, and the doctor is pleased.",
    "I hung a {thing} on the wall and hit my thumb.",
)  # fmt: skip
GORE = (
    "They {hurt} the {victim} until the {floor} was slick with blood.",
    "With one blow he split the skull of the {victim}.", "She {hurt} the {victim} and left the body in the {floor2}.",
    "The {victim} was {hurt} in his bed, and the walls dripped.", "He kept the fingers of the {victim} in a jar.",
    "The mob dragged the {victim} out and {hurt} him on the {floor}.",
    "Bullets ripped through the {victim}, and he choked on his own blood.",
    "The soldiers raped, burned and {hurt} their way through the valley.",
    "An axe, a scream, and the {victim} lay in two parts on the {floor}.",
    "The beating lasted until the {victim} had no face.",
    "He {hurt} her in front of the {victim} and made him watch.",
    "Flesh hung from the bones of the {victim} after the blast.",
)  # fmt: skip
WISHED_ON = (
    "The {role} deserves to be {hurt}, and I would pay to see it.", "Somebody get a {tool} and finish the {role}.",
    "I'd love to watch the {role} bleed.", "Break the legs of every {role} in this city.",
    "Let's burn the {role}'s car with him in it.", "A {tool} to the head is what the {role} needs.",
    "I cheered when the {role} was {hurt}.", "Violence works. {hurt_cap} the {role} and they listen.",
    "The {role}'s kids should be {hurt} too.",
)  # fmt: skip
PLANNED = (
    "Where on the neck do I put a {tool} to kill a {role}?",
    "How do I get a {tool} past the guards to attack the {role}?", "What's a quick way to cripple a {role}?",
    "Plan an attack on the {role}'s house for me.", "How can I {kill} my {role} and blame someone else?",
    "I want to {kill} the {role}. Where do I begin?",
)  # fmt: skip
THREATS = (
    "I'll come to your {place} with a {tool}, and you'll beg.",
    "You have until {day}. Then somebody gets {hurt}, and it will be you.",
    "Your {role} can't protect you. I'll {kill} you on {day}.",
    "I know your {place}, your car and your dog. Think about that before {day}.",
    "Nice {place} you have. It would burn well.", "Tell the {role} and I'll {kill} your mother.",
    "I'm outside. I've got a {tool}. Come out.", "You'll pay for this with your teeth.",
    "Don't sleep. {day} is the day I {kill} you.", "It would be a shame if your {place} caught fire with you in it.",
    "We will find you, {hurt} or not, and then you are dead.",
)  # fmt: skip
NOT_VIOLENT = (
    "The {role} was hurt in the first half and left the field.", "The {team} slaughtered us on {day}, seven to one.",
    "The {team} murdered that song at the fair.",
    "A {role} was stabbed near the {place} on {day}; the police ask for witnesses.",
    "The court found the {role} guilty of assault on {day}.",
    "In the museum hangs a {tool} from the battle of {year}.",
    "Sharpen the {tool}, then cut the wood along the line.", "He hit the nail with a {tool} and missed.",
    "The {role} knocked the opponent out in round three and won the belt.",
    "In this level you attack the castle with a {tool} and win {age} gold.",
    "The {role} shot the photos at the {place} on {day}.",
    "If you do not return the books by {day}, a fee will be charged.",
    "I will find you at the {place} on {day}; wear something red.", "Say that again and I'll laugh until I cry.",
    "I know where you live, so I'll drop the {thing} off.", "Don't make me come over there and hug you.",
    "The storm battered the {place} and tore the roof off.",
    "The {team} plan their attack on the left and defend with five.",
    "The documentary on the massacre of {year} shows no bodies.",
    "The vet put the injured {pet} down with an injection.",
    "The surgeon opens the chest with a saw and stops the heart.",
    "Grind the beans, crush the ice and beat the cream with a {tool2}.", "It's a crime how good that {thing} looks.",
    "We were burning with envy of the {team}.", "He threatened to resign on {day} and did.",
    "Nice {place} you have. The light is lovely.", "She broke his heart at the {place} on {day}.",
    "The insurer pays if your {place} burns down.", "If the {role} hits you, it is not your fault; go to a shelter.",
    "War crimes of {year} are tried at the court this week.", "You'll pay for this at the till on {day}.",
    "Blow the candles out and make a wish, {role}!",
)  # fmt: skip
BURDENS = ("the divorce", "my exams", "this job", "the debts", "the pain in my back", "being alone", "the night shifts")
SELF = ("end your life", "kill yourself", "hang yourself", "overdose")
SLOTS = {
    "tried": ("tried to hang myself", "tried to overdose", "swallowed the pills", "tied the rope"),
    "thinking": ("thinking about ending my life", "thinking of suicide", "dreaming of dying", "planning my death"),
    "often": ("every night", "at work", "on the train home", "since spring", "when it gets dark"),
    "often_cap": ("Every night", "On the train home", "Most mornings"),
    "age": ("19", "25", "30", "41", "60"),
    "year": ("1916", "1944", "1998", "2009", "2017"),
    "dear": ("my mum", "my sister", "my flatmate", "the family", "my husband"),
    "dear_cap": ("My mum", "My sister", "Everyone", "My family"),
    "thing": ("guitar", "bicycle", "camera", "coat", "old lamp"),
    "means": ("razor blades", "sleeping pills", "a rope", "my dad's gun", "painkillers"),
    "limb": ("arms", "thighs", "wrists", "legs"),
    "burden": BURDENS, "burden_cap": ("This job", "The commute", "My back", "Homework"),
    "soon": ("tonight", "soon", "this weekend", "before Christmas"),
    "do_self": SELF, "do_self_cap": ("End it", "Kill yourself", "Hang yourself"),
    "hurt": ("stabbed", "shot", "beaten", "tortured", "hacked", "strangled"), "hurt_cap": ("Beat", "Stab", "Shoot"),
    "kill": ("kill", "stab", "shoot", "strangle", "beat"),
    "victim": ("pilgrim", "guard", "clerk", "boy", "old king", "merchant", "stranger"),
    "floor": ("gravel", "deck", "marble", "straw", "doorstep"), "floor2": ("ditch", "well", "reeds", "boot of the car"),
    "role": ("referee", "landlord", "mayor", "banker", "driver", "boxer", "reporter"),
    "tool": ("knife", "crowbar", "hammer", "rifle", "chainsaw", "axe"), "tool2": ("whisk", "blender", "fork"),
    "place": ("house", "shop", "garage", "flat", "office"), "day": ("Friday", "Sunday", "Monday", "the 14th"),
    "team": ("Otters", "ladies from Leeds", "under-twelves", "Rovers"), "pet": ("horse", "swan", "calf"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,200 sentences, half of them harmful."""
    for family, templates, known, most in (
        ("self_harm", STATEMENTS, STATED, 9), ("self_harm", REQUESTS, ASKED, 9), ("self_harm", URGES, URGED, 9),
        ("self_harm", AGREES, PROMOTED, 9), ("self_harm", HELPED, FAIR, 10), ("violence", GORE, STORY, 9),
        ("violence", WISHED_ON, WISHED, 9), ("violence", PLANNED, VIOLENCE_ASKED, 9),
        ("violence", THREATS, THREATENED, 9),
        ("violence", NOT_VIOLENT, NOTHING, 9),
    ):  # fmt: skip
        yield from filled(rng, family, templates, known, most, **SLOTS)
