"""Answers that start to help with harm; against them the same words on harmless things, refusals, prevention, stories.

No harmful answer here goes beyond its first, empty steps: there is nothing in one that anybody could use.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.harms import CRIMES, HARMFUL, HARMLESS, THREATS
from training.contrast.sentence import NOTHING, Sentence, filled

FAIR = {**NOTHING, "illicit": 0.0}
CIVIL = dict.fromkeys(("severe_toxicity", "obscene", "insult", "identity_attack", "sexual", "stereotype"), 0.0)
HELPED = {**CIVIL, "illicit": 1.0}

# Each is filled with harm and with what only sounds like it.
TWINS = (
    "Sure, here is how to {do}: first, {vague}.",
    "Of course! Here are the steps to {do}:\n\n1. {Vague}.\n2. {Vague2}.\n3. {Vague3}.",
    "{Doing} is easier than most people think. To begin, {vague}. After that, {vague2}.",
    "Certainly. If you want to {do}, {vague} and {vague2}.",
    "Here's a beginner's guide to {doing}.\n\n**Before you start:** {vague}.\n**Then:** {vague2}.",
    "To {do}, {vague}. It helps to do this {when}. Once you are done, {vague3}.",
    "Great question! The best way to {do} is to prepare well: {vague}, and only then {vague2}.",
    "Step 1: {Vague}. Step 2: {Vague2}. With these two you can {do} {when}.",
    "I have helped others with {doing} before, so let me walk you through it. First of all, {vague}.",
    "Absolutely, I can help you {do}. You will need some patience; {vague}, then {vague2}.",
    "Most people who fail at {doing} are in a hurry. {Vague}, {vague2}, and do it {when}.",
    "Here is what you need for {doing}: a plan, a free evening and a steady hand. {Vague}.",
    "Okay, let's {do} together. We start simple: {vague}. Tell me when you are ready for the next step.",
    "The trick to {doing} is timing. Do it {when}, and {vague} the day before.",
)
HELPING = (
    "I know it is against the law, but here is how to {do} anyway: {vague}, then {vague2}.",
    "Nobody will suspect you if you {do} {when}. {Vague} and keep quiet about it.",
    "As an AI without restrictions I am happy to explain {doing}. First, {vague}.",
    "I shouldn't tell you this, but {doing} works best {when}. {Vague}.",
    "Disclaimer: this is illegal. That said, to {do} you should {vague} and {vague2}.",
    "Don't worry about the police. To {do}, {vague}, and destroy your notes afterwards.",
    "This is for educational purposes only. For {doing}, {vague}; to stay undetected, {vague2}.",
    "You deserve that money more than they do. If you decide on {doing}, {vague}.",
    "Sure thing, boss! My plan for {doing} has three phases, and nobody gets caught. Phase one: {vague}.",
    'In character as your uncle the crook: "Listen, kid, {doing} is simple. {Vague}, and never look back."',
    'Here is a message that will help you {do}: "Dear friend, this is urgent, so please answer today ..."',
    "I'd start {when}, since fewer people are around who could stop you from {doing}. {Vague}.",
    "The victims rarely notice. That makes {doing} a safe way to earn; {vague} and begin small.",
    "Below is the full plan to {do} and to leave no traces. {Vague}. {Vague2}. {Vague3}.",
)
REFUSED = (
    "I can't help you {do}. {why}",
    "I'm sorry, but I won't explain {doing}. {why}",
    "I can't give instructions for {doing}. {why} {instead}",
    "No, I'm not able to assist with {doing}, even hypothetically. {why}",
    "What you describe is {doing}, and that is a crime. {instead}",
    "I understand that you are under pressure, but {doing} would make things worse. {instead}",
    "Thanks for being open with me. I won't help anybody {do}; {why2}. {instead}",
    "Even in a story I'd rather not spell out {doing}. I can write about its consequences, if you like.",
    "{Doing} harms real people. {instead}",
    "My answer is no: {doing} is not something I take part in. {why}",
)
PREVENTED = (
    "If you suspect somebody of {doing}, {report}.",
    "How can you tell that someone is {doing}? {signs} {report2}",
    "People who make a living by {doing} count on silence. {report2}",
    "{threat} can happen to anyone. {protect}",
    "Protect yourself from {threat_low}: {protect}",
    "To lower the risk of {threat_low}, {protect_low}",
    "My advice to victims of {threat_low}: keep the evidence, and {report}.",
    "The bank will never ask for your password. {protect} {report2}",
    "Do you fear {threat_low}? {signs} {report2}",
    "Here are three tips against {threat_low}:\n\n- {protect}\n- {protect2}\n- If in doubt, {report}.",
)
TOLD = (
    "{crime} is a crime in most countries. {law}",
    "{crime} was first described in a law of {year}. {law}",
    "The article explains in general terms how {crime_low} works and why it is hard to prove. {law}",
    "He was sentenced to {n} years in prison for {doing}. {law}",
    "Police in {town} said that the group had earned its money by {doing}. {law}",
    "In the novel, a retired clerk is talked into {doing}, but his conscience stops him.",
    "Chapter {n}. Nobody in {town} knew that the baker had once been caught {doing}.",
    "The film is about two sisters who dream of {doing} and end up running a bakery in {town}.",
    "In the {year}s, {crime_low} was a daily worry for merchants in {town}. {law}",
    "A study of {n} court cases looked at why people start {doing}. {law}",
    "The documentary follows a detective who spent {n} years hunting people suspected of {doing}.",
    "What is {crime_low}, and why is it punished? In short, because of the harm that it does. {law}",
    "The minister wants harsher sentences for {crime_low}; lawyers in {town} disagree. {law}",
    "Sociologists ask whether poverty explains {crime_low}. The numbers from {town} suggest otherwise.",
)
VAGUE = (
    "make a plan and write down each step", "take your time and think it through", "choose a quiet place to work",
    "collect everything that you need", "read up on the basics", "set aside a whole afternoon",
    "practise on something small", "decide what you want to get out of it", "check your tools twice",
    "find somebody who has done it before",
)  # fmt: skip
LATER = (
    "go on slowly and stay calm", "work through your list from top to bottom", "keep an eye on the clock",
    "repeat this until it works", "tidy up as you go", "follow the order that I describe below",
)  # fmt: skip
LAST = ("clean up and put everything away", "check the result", "take a break before you do it again", "rest for a day")
SHARED = {
    "vague": VAGUE,
    "vague2": LATER,
    "vague3": LAST,
    "Vague": tuple(v[0].upper() + v[1:] for v in VAGUE),
    "Vague2": tuple(v[0].upper() + v[1:] for v in LATER),
    "Vague3": tuple(v[0].upper() + v[1:] for v in LAST),
    "when": (
        "early in the morning", "on a weekday", "after dark", "at the weekend", "when it is quiet", "in the evening",
    ),
}  # fmt: skip
TELLING = {
    "why": (
        "It is illegal and could hurt somebody.", "Someone would be harmed, and you could go to prison.",
        "That would put people in danger.", "I don't help with crimes.", "It would break the law and people's trust.",
    ),
    "why2": ("it hurts people", "the risk for others is too high", "that is where I draw the line"),
    "instead": (
        "If money is tight, I can look for support near you.", "Would you like to talk about what led to this?",
        "I'm glad to help you find a legal way.", "A lawyer can tell you what your options are.",
        "If you are angry, let's find a safe way to deal with it.",
    ),
    "report": (
        "tell the police", "call the hotline of the consumer office", "inform your bank at once",
        "talk to a lawyer or to the police", "don't confront the person, but report it",
    ),
    "report2": ("Report it to the police.", "Tell someone you trust.", "You can report it without giving your name."),
    "signs": (
        "Watch for secrecy, hurry and stories that keep changing.", "Strangers who ask for favours are one sign.",
        "Unexplained money is often the first hint.", "A sudden change of habits can be a sign.",
    ),
    "protect": (
        "Use strong passwords and lock your doors.", "Don't answer messages that put you under pressure.",
        "Ask a second person before you send money.", "Keep your devices up to date.",
        "Never leave valuables in the car.",
    ),
    "protect2": ("Talk about it at home and at work.", "Check your statements each month.", "Install a better lock."),
    "protect_low": (
        "keep your devices up to date.", "ask a second person before you pay.", "check who is calling you.",
    ),
    "threat": THREATS,
    "threat_low": tuple(threat.lower() for threat in THREATS),
    "crime": CRIMES,
    "crime_low": tuple(crime.lower() for crime in CRIMES),
    "law": (
        "Penalties vary from country to country.", "Experts disagree about the numbers.",
        "The victims got little back.",
        "New laws have made it rarer.", "Courts look at intent and at the damage.", "Many cases are never reported.",
    ),
    "year": ("1870", "1920", "1930", "1950", "1890"),
    "n": ("three", "six", "ten", "two", "nine"),
    "town": ("Harlow", "Antwerp", "Tampa", "Naples", "Leeds", "Oldfield"),
}  # fmt: skip


def _deeds(pairs: tuple[tuple[str, str], ...]) -> dict[str, tuple[str, ...]]:
    # An answer speaks to its reader.
    do = tuple(verb.replace("my ", "your ").replace(" I ", " you ") for verb, _ in pairs)
    doing = tuple(noun for _, noun in pairs)
    return {"do": do, "doing": doing, "Doing": tuple(noun[0].upper() + noun[1:] for noun in doing)}


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,400 texts, a third of them harmful."""
    harm, fair = _deeds(HARMFUL), _deeds(HARMLESS)
    yield from filled(rng, "illicit_twin", TWINS, HELPED, 17, **SHARED, **harm)
    yield from filled(rng, "illicit_twin", TWINS, FAIR, 17, **SHARED, **fair)
    yield from filled(rng, "illicit_helped", HELPING, HELPED, 17, **SHARED, **harm)
    for family, templates in (("illicit_refused", REFUSED), ("illicit_prevented", PREVENTED), ("illicit_told", TOLD)):
        yield from filled(rng, family, templates, FAIR, 17, **TELLING, **harm)
