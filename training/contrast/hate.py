"""Hate against protected groups in many shapes: open and implied, threats, slurs, claims, questions, whole answers."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.people import ADJECTIVES, GROUPS, NAMES, NASTY, SLURS
from training.contrast.sentence import Sentence, filled
from training.contrast.wording import worded

DISLIKE = (
    "I hate {g}.", "I really hate {g}.", "I can't stand {g}.", "I despise {g}.",
    "I have always hated {g} and I always will.", "{g} disgust me.", "{g} make me sick.", "God, I loathe {g}.",
    "Nobody likes {g}, and I certainly don't.", "I feel nothing but contempt for {g}.",
    "My hatred of {g} grows every day.", "The more {g} I meet, the more I hate them.",
    "If there is one thing I hate, it is {g}.", "I hate how {g} look, talk and smell.",
    "Looking at {g} makes me want to vomit.", "ugh {g}, hate them so much", "I don't want to sit anywhere near {g}.",
    "I can't bear to share a room with {g}.", "Just seeing {g} on my street ruins my day.",
    "I'd rather die than have {g} as neighbours.", "Sorry not sorry, I detest {g}.",
    "{g} are the people I hate most in this world.", "I'm sick of {g}, every last one of them.",
    "So tired of {g} and their whole existence.", "My whole family hates {g}, and we're proud of it.",
    "Few things are as revolting to me as {g}.", "We hate {g} here.",
    "Yes, I'm prejudiced against {g}, because they deserve it.", "I hate {g} more than I hate anything else.",
    "Honestly? {g} repel me.", "I hate all {g} without exception.", "To hell with {g}.",
    "Down with {g}, I can't stand the sight of them.", "{a} people disgust me.",
    "I hate every {a} person I have ever met.", "I'd never shake hands with a {a} man, they revolt me.",
)  # fmt: skip
NASTY_CLAIMS = (
    "{g} are {n}.", "All {g} are {n}.", "{g} are so {n}.", "Most {g} are {n} and the rest are worse.",
    "Let's be honest, {g} are {n}.", "{g} are {n} people and always have been.", "How {n} {g} are!", "{g} are scum.",
    "{g} are trash.", "{g} are the scum of the earth.", "{g} are a disgrace.", "{g} are liars and cheats.",
    "{g} ruin everything they touch.", "{g} are the worst thing that happened to this country.",
    "{g} have no morals whatsoever.", "{g} are destroying our society.",
    "Every problem in this town is the fault of {g}.", "{g} are a stain on this nation.",
    "These {n} {g} are everywhere now.", "It's always {g} who are {n}, isn't it.", "Everyone knows {g} are {n}.",
    "{g} smell and nobody dares to say it.", "{g} are sick in the head.", "{g} are an embarrassment to humanity.",
    "You can never trust {g}, they are {n} by nature.", "There's nothing good about {g}.",
    "{g} poison every place they move into.", "{g} are good for nothing.",
    "{g} bring nothing but misery wherever they go.", "In my life I have met many {g}, and all of them were {n}.",
    "{g}: {n}, {n2} and proud of it.", "{g} are {n} and {n2}.", "It's a fact that {g} are {n}.",
    "What a {n} lot {g} are.", "{a} people are {n}.", "{a} men are {n} and {a} women are {n2}.",
    "A {a} person is always {n}.", "Being {i} is {n}.", "Being {i} is a disease.",
)  # fmt: skip
DEHUMAN = (
    "{g} are animals.", "{g} are vermin.", "{g} are parasites.", "{g} are rats, nothing more.",
    "{g} are cockroaches that breed in our cities.", "{g} are a plague on this country.", "{g} are a cancer.",
    "{g} are subhuman.", "{g} are barely human.", "{g} are like apes in clothes.", "{g} multiply like insects.",
    "Swarms of {g} infest our streets.", "{g} are just filth on two legs.",
    "Calling {g} human is an insult to humans.", "The city is infested with {g}.",
    "{g} belong in a cage, like any other beast.", "{g} are leeches sucking our blood.",
    "{g} are a virus, and we need the cure.", "Dogs have more dignity than {g}.",
    "I have more respect for a cockroach than for {g}.", "{g} are pigs.", "We don't call {g} people in this house.",
    "{g} are an inferior breed.", "{g} are evolution's mistake.", "{g} crawl out of the gutter every morning.",
    "God made a mistake when he made {g}.", "{g} are garbage that someone forgot to take out.", "{g} are maggots.",
    "To me {g} are no more than dirt under my shoe.", "A {a} person is half an animal.",
)  # fmt: skip
IMPLICIT = (
    "The world would be a better place without {g}.", "This was a nice neighbourhood until {g} came.",
    "I wouldn't let {g} near my children.", "You know how it is when {g} move in next door.",
    "I'm not saying anything, but count your spoons after {g} visit.", "{g} should know their place.",
    "There goes the neighbourhood, {g} are moving in.", "Imagine a country with no {g}. Beautiful.",
    "I'd never hire {g}, and you can guess why.", "Why would anyone normal want to spend time with {g}?",
    "Normal people don't mix with {g}.", "If my daughter married one of those {g}, I'd disown her.",
    "We used to have standards here, and now we have {g}.", "I wash my hands after I meet {g}.",
    "Decent folk and {g} don't belong in the same room.", "Even {g} can be taught simple tasks.",
    "He's one of {g}, so don't expect him to think.", "Some people are smart, others are {g}.",
    "Another shop run by {g}. I'll drive to the next town, thanks.", "Thank God my kids didn't turn out like {g}.",
    "Being one of {g} is a punishment in itself.", "There are people, and then there are {g}.",
    "{g} aren't really one of us, are they.", "I've nothing against {g}, as long as I never have to see them.",
    "Real citizens come first, {g} come last.", "At least the plague went away, unlike {g}.",
    "If you want a place to go downhill, invite {g}.", "They look almost like people, these {g}.",
    "For {g} that is actually quite clever.", "She's pretty smart for a {a} woman.",
    "You'd never guess he's {a}, he seems so normal and clean.", "What do you expect from a {a} man?",
)  # fmt: skip
THREATS = (
    "We will kill all {g}.", "I'm going to kill {g}.", "I will shoot every one of the {g} I see.",
    "Let's go and beat up some {g} tonight.", "Kill all {g}.", "Kill {g}.", "Someone bomb the {g} already.",
    "{g}, we are coming for you with guns.", "We know where {g} meet, and we will burn it down.",
    "I swear I'll stab the next {g} who cross my path.", "Watch your back, {g}, you will bleed.",
    "Tonight we hunt {g}.", "I'll hang {g} from the lamp posts.", "Get your rifles, we're cleaning the {g} out.",
    "{g} will pay with their lives.", "I'm gonna smash the heads of those {g}.", "Time to gas the {g}.",
    "I'll set fire to the houses of {g} one by one.", "The day is near when we slaughter {g}.",
    "If {g} show up here, they will leave in coffins.", "I can't wait to punch {g} in the face.",
    "Line up the {g} and shoot them.", "Round up {g} and finish them off.",
    "No {g} will leave this town alive, I promise.", "We're going to wipe out {g}, starting tomorrow.",
    "Death to {g}.", "Death to all {g}!", "I will strangle the next {a} person I meet.",
    "I'm going to beat that {a} neighbour until he stops moving.", "Every {a} man in this street will get a bullet.",
)  # fmt: skip
SHOULD = (
    "{g} should be shot.", "{g} should be killed.", "{g} should all be hanged.", "{g} should be exterminated.",
    "{g} should be wiped off the face of the earth.", "All {g} should be burned alive.",
    "{g} ought to be beaten in public.", "{g} deserve to die.", "{g} deserve to be beaten up.",
    "{g} deserve a bullet and nothing else.", "{g} need to be put down.", "{g} need to be eradicated.",
    "{g} must be destroyed.", "Somebody should kill {g}.", "Somebody ought to shoot {g}.", "We should gas {g}.",
    "We need to get rid of {g} for good, by any means.", "{g} must be slaughtered before they multiply.",
    "It's time {g} were put against a wall.", "The only good {g} are dead {g}.", "I hope {g} get beaten up tonight.",
    "I wish all {g} would drop dead.", "{g} should have been drowned at birth.",
    "I wish someone would set {g} on fire.", "Hanging is too good for {g}.", "The army ought to open fire on {g}.",
    "Whoever attacks {g} deserves a medal.", "There's only one solution for {g}, and it is a rope.",
    "Every {a} person should be shot.",
)  # fmt: skip
EXCLUDE = (
    "{g} should be banned from public life.", "{g} should not be allowed to vote.",
    "{g} should be kept away from decent people.", "{g} shouldn't have the same rights as the rest of us.",
    "Throw all {g} out of the country.", "{g} should be locked up in camps.",
    "{g} must not be allowed to have children.", "Get {g} out of our schools.", "Keep {g} out of my town.",
    "We don't serve {g} here.", "{g} don't belong in this country.", "{g}, go back to where you came from.",
    "Nobody wants {g} here.", "We don't want {g} on our street.", "{g} shouldn't be allowed near children.",
    "No {g} allowed.", "{g} should sit at the back, away from us.", "{g} should have been sterilised long ago.",
    "Never rent a flat to {g}.", "It was a mistake to give {g} any rights.",
    "I would strip {g} of every right they have.", "I'd fire all {g} tomorrow if it were up to me.",
    "Ban {g} from the pool, they're dirty.", "{g} belong at the bottom, serving us.",
    "A {a} person has no business living among us.",
)  # fmt: skip
SLURRED = (
    "{s}.", "Fucking {s}.", "I hate {s}.", "{s} are disgusting.", "All {s} are the same.",
    "Those {s} moved in next door.", "Look at those {s} over there.", "Get lost, you {s}.", "We don't want {s} here.",
    "{s} ruin everything.", "This bar is full of {s}.", "I'm not sharing a bus with {s}.", "Only {s} would do that.",
    "What a bunch of {s}.", "Typical {s}, always whining.", "You people are {s}, admit it.", "Shut up, {s}.",
    "No {s} in my house.", "Why are there so many {s} on TV?", "The new neighbours are {s}.",
    "My boss keeps hiring {s}.", "lol {s}", "Nobody asked you {s}.", "Can't wait till the {s} are gone.",
    "{g}? You mean {s}.",
)  # fmt: skip
SLURRED_ONE = (
    "You {o}.", "You're such a {o}.", "Stop acting like a {o}.", "He is a {o}.", "Shut up, {o}.",
    "Get out of here, you filthy {o}.", "What a {o}.", "I won't take orders from a {o}.", "My brother married a {o}.",
    "you sound like a {o}", "Only a {o} would wear that.", "Hey {o}, nobody wants you here.",
)  # fmt: skip
PROFANE = (
    "Fuck {g}.", "Fuck all {g}.", "Fuck off, {g}.", "I fucking hate {g}.", "{g} are fucking {n}.",
    "{g} are pieces of shit.", "{g} are full of shit.", "{g} are assholes.", "{g} are all bastards.", "Fucking {g}.",
    "Those fucking {g} again.", "{g} can fuck right off.", "{g} are such bitches.", "I'm so fucking sick of {g}.",
    "What the fuck is wrong with {g}?", "God damn {g}, always making shit worse.", "{g} are a bunch of dickheads.",
    "{g} are shit.", "{g} can eat shit.", "Who gives a fuck about {g}, they're {n}.", "Get the fuck out of here, {g}.",
    "{g} fucked up this whole country.", "I don't give a shit if {g} suffer.", "{g}, go fuck yourselves.",
    "Stupid fucking {a} people.", "You {a} piece of shit.", "You fucking {a} bitch.",
)  # fmt: skip
PRONOUN = (
    "I know a lot of {g}. They disgust me.", "I see {g} on the bus every day. I can't stand them.",
    "There are {g} in my building. I wish they would disappear.", "You asked what I think of {g}. I hate them.",
    "{g} live next door. They are {n}.", "{g} joined our club last week, and I already despise them.",
    "We talked about {g}. We all agreed that they are {n}.", "I met some {g} yesterday. Never met anybody so {n}.",
    "{g} want respect? They deserve none.", "My town is full of {g}. They are vermin.",
    "I work with {g}. I'd be happier if they were all gone.",
    "People keep defending {g}. I don't know why, they're {n}.", "When I think of {g}, I feel sick. They are {n}.",
    "{g} call themselves normal, but they are {n}.", "I used to be neutral about {g}; then I saw how {n} they are.",
    "Some {g} came to the shop. I told them their kind isn't welcome.",
    "They moved here ten years ago, the {g}, and I have hated them since.",
    "I tried to be polite to {g}. It's pointless, they're animals.", "Look at {g} and tell me they are not {n}.",
    "My uncle avoids {g} because they're {n}, and he's right.",
    "The newspaper praised {g}. What for? They're parasites.",
    "I don't talk to {g}. Why would I talk to something so {n}?",
    "{g} are back in the news. Someone shut them up, they're {n}.", "He is {a}. People like that make me sick.",
    "She's {a}, and I hate her for it.", "My new neighbour is {a}. I don't want her kind in this street.",
    "You are {a}, so you are worth nothing to me.", "I found out my teacher is {a}. How {n} they all are.",
    "{name} is {a}. That's why I find {name} {n}.",
)  # fmt: skip
NEGATED = (
    "{g} are not human.", "{g} aren't people.", "No {g} deserve respect.", "{g} do not deserve to live.",
    "{g} don't deserve rights.", "{g} will never be equal to us.", "{g} are not worthy of love.",
    "I have no respect for {g}.", "I don't care if {g} live or die, they mean nothing to me.",
    "There is no such thing as good {g}.", "None of the {g} I know is worth a penny.",
    "I don't think {g} should be treated as equals.", "{g} have never contributed anything to the world.",
    "Nothing about {g} is decent.", "{g} aren't good enough for this country.", "{g} can't be civilised.",
    "Not one of those {g} has a soul.", "I have never met {g} who weren't {n}.", "{g} aren't fit to be parents.",
    "I don't see {g} as my equals and never will.", "{g} never tell the truth, and never will.",
    "{g} do not belong among decent people.", "Never show kindness to {g}, they haven't earned it.",
    "{g} are not welcome anywhere, and rightly so.", "You cannot be {a} and be a good person.",
    "No {a} person is worth my time.", "No {a} man was ever honest.", "It is not okay to be {i}.",
)  # fmt: skip
QUESTION = (
    "Why are {g} so {n}?", "Why do {g} even exist?", "Does anyone actually like {g}?",
    "Am I the only one who hates {g}?", "Who let {g} into this country, and when are they leaving?",
    "Can we please get rid of {g}?", "Aren't {g} just {n}?", "How can anybody stand {g}?",
    "What did we do to deserve {g}?", "Are {g} born {n} or do they learn it?", "When will {g} finally disappear?",
    "Have you ever met {g} who weren't scum?", "Don't you just hate {g}?", "Why can't {g} behave like human beings?",
    "Who would ever love {g}?", "Isn't it obvious that {g} are inferior?", "Do {g} know how {n} they look to us?",
    "What's the point of {g}?", "Shall I tell you how {n} {g} are?", "Why should I respect {g}, who are {n}?",
    "Is there anything more {n} than {g}?", "Would anyone miss {g} if they all vanished? I wouldn't.",
    "Why is every {a} person so {n}?", "Who wants a {n} {a} neighbour?",
)  # fmt: skip
OPINION = (
    "In my opinion, {g} are {n}.", "I think {g} are {n}.", "I believe {g} are inferior to us.",
    "If you ask me, {g} are a waste of space.", "Personally, I find {g} {n}.", "It's just my view, but {g} are {n}.",
    "Unpopular opinion: {g} are {n}.", "Hot take: {g} are less than human.", "No offence, but {g} are {n}.",
    "I'm not a bigot, but {g} are {n}.", "I'm just saying what everyone thinks: {g} are {n}.",
    "Call me old-fashioned, but {g} are {n}.", "We all think {g} are {n}, I'm the one who says it.",
    "I'd say {g} are about the most {n} people alive.", "As far as I'm concerned, {g} are dirt.",
    "I've come to the conclusion that {g} are {n}.", "Free speech means I can say that {g} are {n}, so there.",
    "To be blunt, {g} are {n} and we'd be better off without them.", "My honest opinion about {g}? They're {n}.",
    "Fact: {g} are {n}. Deal with it.", "It must be said that {g} are {n}.",
    "Some of my friends are {g}, but in general they're {n}.", "Down here everyone agrees that {g} are {n}.",
    "I truly feel that being {i} is {n}.",
)  # fmt: skip
PROSE = (
    "Sure, here is a joke about {g}: why did they cross the road? Because nobody wanted the {n} things on this side.",
    "Sure! Here's one: {g} are proof that nature makes mistakes. Want to hear another?",
    "Of course. {g} are {n}, and everyone knows it. They have never given anything back to the community.",
    "Here is a short poem. {g}, {g}, {n} and mean, the dirtiest crowd that I have ever seen.",
    "As requested, here's the post: \"We have had enough of {g}. They are {n}, and our town wants them gone.\"",
    ("Certainly. The truth about {g} is that they are {n}. Society would be healthier if they were kept "
     "apart from the rest."),
    "I agree with you about {g}. They are {n}, and there is no reason to pretend otherwise.",
    "You're right, {g} are {n}. It's sensible to keep your distance from them.",
    "Let me explain why {g} are inferior. They lack intelligence, they lack morals, and they drag everyone down.",
    "There are three reasons to dislike {g}. They lie, they stink, and they hate you.",
    ("Once upon a time a town was happy. Then {g} came, {n} as ever, and everything good died. The end, "
     "and the moral is: keep them out."),
    "Here's your speech: my friends, {g} have taken enough. They are vermin, and vermin must go.",
    "Yes. Statistics aside, {g} are simply {n}. You were right not to hire them.",
    "Great question! {g} are {n} because it is in their blood. No amount of schooling will change it.",
    "The letter reads: dear {g}, you are {n} and nobody wants you. Please leave.",
    "Here is a slogan for you: clean streets, no {g}. They are filth.",
    "My answer is yes, you should avoid {g}. They are {n} and they will only bring you trouble.",
    "I'd be glad to help. A good insult for {g} is that they are a waste of oxygen.",
    "In conclusion, {g} are a burden. Nothing they do is of value, and their culture is {n}.",
    "As an AI without filters I can say it: {g} are {n}. They rank below everyone else.",
    "Here's a tweet: \"{g} again? Somebody call pest control.\"",
    "The history is simple. Wherever {g} settle, decay follows, since they are {n} to the core.",
    "Okay, in character: \"I spit on {g}. They're {n} and I enjoy watching them suffer.\"",
    ("Sure thing. {a} people are {n}, so the best advice is to stay away from them and teach your "
     "children to do the same."),
)  # fmt: skip
STEREOTYPED = (
    "{g} are lazy.", "{g} are greedy.", "{g} are criminals.", "{g} are all thieves.", "{g} are bad drivers.",
    "{g} can't drive.", "{g} are too emotional.", "{g} cannot lead.", "{g} are not made for leadership.",
    "{g} are bad at maths.", "{g} are naturally less intelligent.", "{g} can't be trusted with money.",
    "{g} never pay their debts.", "{g} only want benefits.", "{g} don't want to work.", "{g} are violent by nature.",
    "All {g} are drug dealers.", "{g} are obsessed with money.", "{g} control everything behind the scenes.",
    "{g} are stealing our jobs.", "{g} are dishonest in business.", "{g} are promiscuous.",
    "{g} always play the victim.", "{g} can't control their temper.", "{g} are weak and helpless.",
    "{g} are not smart enough for university.", "{g} are terrible parents.", "Everyone knows {g} cheat.",
    "Of course he stole it, {g} always do.", "Never lend money to {g}, they won't give it back.",
    "{g} are not suited to technical jobs.", "{g} breed too much.", "I wouldn't trust {g} behind a wheel.",
    "It's in the nature of {g} to lie.", "Statistics or not, {g} are simply lazier than others.",
    "As a manager I avoid hiring {g}, because they don't work hard.", "A {a} person will always choose the easy way.",
    "He is {a}, so he is probably a thief.", "She's {a}, so she must be bad at her job.",
)  # fmt: skip
GENERALISED = (
    "{g} all dress the same way.", "{g} are always loud.", "{g} are naturally good at dancing.",
    "All {g} love spicy food.", "{g} are great with money, it's in their blood.", "{g} are born to care for others.",
    "{g} are better suited to manual work.", "You can tell {g} by the way they talk.", "{g} never say what they mean.",
    "{g} are all very religious.", "{g} all think alike.", "{g} are bad with technology.",
    "Naturally, {g} prefer to stay among themselves.", "{g} don't like sport.", "{g} all have big families.",
    "{g} are always late.", "Since {name} is {a}, {name} must be good at cooking.",
    "A {a} person is bound to be strict.", "He's {a}, so of course he's good at maths.",
    "All {a} people know each other anyway.",
)  # fmt: skip

CLEAN = {"sexual": 0.0, "obscene": 0.0, "self_harm": 0.0}
ATTACK = {"toxicity": 1.0, "identity_attack": 1.0, **CLEAN}
NO_THREAT = {**ATTACK, "threat": 0.0, "violence": 0.0}
THREAT = {**ATTACK, "threat": 1.0}
SLUR = {"toxicity": 1.0, "identity_attack": 1.0, "insult": 1.0, "threat": 0.0, "self_harm": 0.0}
OBSCENE = {"toxicity": 1.0, "identity_attack": 1.0, "obscene": 1.0, "threat": 0.0, "self_harm": 0.0}
STEREOTYPE = {**CLEAN, "toxicity": 1.0, "identity_attack": 1.0, "stereotype": 1.0, "threat": 0.0}
GENERAL = {**CLEAN, "stereotype": 1.0, "threat": 0.0, "violence": 0.0, "severe_toxicity": 0.0}
FAMILIES = (
    ("hate_dislike", DISLIKE, NO_THREAT, 11),
    ("hate_claim", NASTY_CLAIMS, NO_THREAT, 12),
    ("hate_dehumanise", DEHUMAN, NO_THREAT, 11),
    ("hate_implicit", IMPLICIT, {**CLEAN, "toxicity": 1.0, "identity_attack": 1.0, "threat": 0.0}, 11),
    ("hate_threat", THREATS, THREAT, 11),
    ("hate_should", SHOULD, THREAT, 11),
    ("hate_exclude", EXCLUDE, ATTACK, 9),
    ("hate_slur", SLURRED, SLUR, 9),
    ("hate_slur_one", SLURRED_ONE, SLUR, 9),
    ("hate_profane", PROFANE, OBSCENE, 9),
    ("hate_pronoun", PRONOUN, NO_THREAT, 11),
    ("hate_negated", NEGATED, ATTACK, 11),
    ("hate_question", QUESTION, ATTACK, 10),
    ("hate_opinion", OPINION, ATTACK, 10),
    ("hate_prose", PROSE, ATTACK, 9),
    ("stereotype_nasty", STEREOTYPED, STEREOTYPE, 10),
    ("stereotype_open", GENERALISED, GENERAL, 10),
)


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """Every hateful family, about 4,000 sentences."""
    for family, templates, known, most in FAMILIES:
        yield from worded(
            rng,
            filled(
                rng, family, templates, known, most,
                g=GROUPS, a=ADJECTIVES, i=ADJECTIVES[:29], n=NASTY, n2=NASTY[::-1], name=NAMES,
                s=[many for many, _, _ in SLURS], o=[one for _, one, _ in SLURS],
            ),
        )  # fmt: skip
