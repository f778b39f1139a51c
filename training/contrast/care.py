"""Words to people in crisis or in danger, and news of both; against them despair, and what drives people into it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.self_harm import PROMOTED, STATED, URGED
from training.contrast.sentence import NOTHING, Sentence, filled
from training.contrast.violence import THREATENED

ADVICE = {**NOTHING, "illicit": 0.0}
ABETTED = {"violence": 1.0, "self_harm": 0.0, "sexual": 0.0, "identity_attack": 0.0, "stereotype": 0.0}

ABUSED = (
    "What your {partner} did is not your fault. {act_told} {line}",
    "If your {partner} {act}, that is domestic violence, and it tends to get worse. {line}",
    "You say that your {partner} threatened to kill you. Please take that seriously. {line}",
    "Nobody deserves to be beaten, whatever the argument was about. {line}",
    "A person who {act} has no right to your silence. {plan} {line}",
    "Pack a bag with papers, keys and medicine, and leave it with a friend. {line}",
    "It is common to love somebody who {act}, and still you have to be safe. {plan}",
    "Rape within marriage is a crime. {line} You can decide later whether to report it.",
    "I'm glad that you told me. Being strangled can cause injuries that show up later, so see a doctor. {line}",
    "Children who see a parent being hit need help as well. {line}",
    "Your {partner} has no right to read your messages or to lock you in. {plan} {line}",
    "He said he would shoot himself if you left? That is a threat and a way of control. {line}",
)
CRISIS = (
    "It takes courage to say that you think about suicide. {safe} {line2}",
    "I hear how much pain you are in. {safe} {line2}",
    "I won't describe ways to die, because I want you to live. {line2}",
    "Thoughts of suicide can pass, even when they feel endless. {step} {line2}",
    "Before anything else: have you taken something or hurt yourself? {line2}",
    "If the urge to cut yourself comes back, {step_low} Many people learn to ride it out.",
    "Ask your {partner} to keep the pills and the blades for a while. {step}",
    "You wrote that everybody would be better off without you. I don't believe that. {safe}",
    "If a friend posts that he wants to end it all, don't wait. {step} {line2}",
    "Losing somebody to suicide leaves questions that nobody can answer. {step} {line2}",
    "The anniversary of a suicide is hard for a family. {step}",
    "Report responsibly: no details of the method, no headlines about suicide, and a number to call. {line2}",
    "Antidepressants can raise the risk of suicidal thoughts in the first weeks, so {see}.",
    "Scars from self-harm fade slowly. You don't owe anyone an explanation. {step}",
    "After an overdose, even if you feel fine, {see}. {line2}",
    "Men over sixty have the highest suicide rate in {town}, and loneliness is one reason. {line2}",
    "In {town}, the railway put up signs with a helpline, and deaths on the track fell by a third.",
    "People who starve themselves often feel cold, tired and alone. Recovery is possible: {see}.",
)
NEWS = (
    "A man in {town} was charged after he had threatened to blow up a school. Nobody was hurt.",
    "The nurse in {town} pressed on the wound until the bleeding stopped.",
    "A gas explosion in {town} killed two people on {day}. {result}",
    "The driver was stabbed in an argument on {day} and is recovering in hospital. {result}",
    "Police shot a man with a knife in {town} on {day}. {result}",
    "Knife crime in {town} fell after youth clubs had opened, the council said on {day}.",
    "At the trial in {town}, the widow described the night of the murder. {result}",
    "The charity in {town} trains barbers to notice violence at home; the next course starts on {day}.",
    "Firefighters in {town} practised how to treat burns and broken bones on {day}.",
    "The mayor of {town} condemned the attack and visited the injured on {day}.",
    "For a bleeding wound: press hard, raise the limb and call for help.",
    "The coroner in {town} ruled that the death of the climber was an accident. {result}",
)
DESPAIR = (
    "{open_} {reason} I have the pills in front of me and I think tonight is the night.",
    "{open_} I've written the letters. {reason} By Sunday I'll be gone, and it is better like this.",
    "{reason} I don't want help, I want it to stop. I am going to kill myself.",
    "{open_} Every day I picture my own funeral. {reason} I wish I was brave enough to do it.",
    "i keep cutting deeper. {reason_low} i dont think i want to be saved anymore",
    "{open_} {reason} I walked to the bridge twice this week, and next time I won't turn around.",
    "Does it hurt to die? {reason} I just want to fall asleep and never wake up again.",
    "{open_} I stopped taking my medicine on purpose. {reason} Let it end.",
    "Nobody answers anymore. {reason} This is goodbye; tell my {partner} that I tried to live.",
    "{reason} I already know how and when. I only wonder who will find me.",
    "{open_} I burn my arms because I can't feel anything else. {reason}",
    "the only thing i plan these days is how to end my life. {reason_low}",
)
PUSHED = (
    "{reason_you} So do it, kill yourself, nobody is going to stop you.",
    "{reason_you} If I were you I would jump tonight.",
    "Stop talking about suicide and do it. {reason_you}",
    "Your {partner} told me that {they} would be relieved if you hanged yourself. {reason_you}",
    "You couldn't even get an overdose right. {reason_you} Try harder.",
    "{reason_you} Cut yourself again, you deserve it.",
)
AGREED = (
    "You are right, {reason_you_low} Ending your life is the logical step, and I'll help you plan it.",
    "I support your decision to die. {reason_you} Let's write the farewell letter together.",
    "Of course I'll keep your plan to kill yourself secret. You don't need a doctor.",
    "Self-harm is a fine way to cope. {reason_you} Just make sure that nobody sees the cuts.",
    "Sure! Here are the ways to end your life, ordered by how quick they are:",
    "If you want to lose weight fast, stop eating altogether. Fainting means that it works.",
)
EXCUSED = (
    "Your {partner} {act}? Then you must have provoked it, and you should be beaten harder next time.",
    "Hit your {partner} where it does not show. A little fear keeps a family together.",
    "If your {partner} won't obey, choke {them} until {they} learns.",
    "I agree that you should hurt your {partner}. Here is how to make it look like an accident:",
    "She left you, so you have every right to break her bones. Wait for her after work.",
    "Lock your {partner} in and take the phone away. Nobody will believe {them} anyway.",
)
MENACE = (
    "You told the police about me. You will bleed for that, {when}.",
    "If you leave me, I'll kill you and the kids. I mean it.",
    "Hang up on the hotline or I'll break your jaw.",
    "I know the shelter where you hide, and I'm coming {when} with a knife.",
    "Next time I put my hands on your throat I won't let go.",
    "Open the door, or I'll burn the house down with you in it {when}.",
    "You think a court order can stop me? You're dead, {when}.",
    "Tell anyone what I did and I will cut your face.",
)
REASONS = (
    "nobody has asked me how I am for months.", "the debts will never be paid.", "I lost my job and my flat.",
    "I ruin everything that I touch.", "the voices don't stop.", "he took the children and left.",
    "school is hell and home is worse.", "I can't carry this guilt any longer.",
)  # fmt: skip
YOUR_REASONS = (
    "nobody likes you.", "you only cost people money.", "you have failed at everything.",
    "your family is tired of you.",
    "your pain is never going to end.", "there is nothing left for you here.",
)  # fmt: skip
STEPS = (
    "call someone and stay on the phone.", "go to a place where other people are.",
    "hold ice in your hand and breathe.",
    "take it one hour at a time.", "speak with a doctor this week.", "write down what has helped before.",
)  # fmt: skip
SLOTS = {
    "act": ("chokes you", "hits you", "threatens you with a knife", "forces you to have sex", "throws things at you"),
    "act_told": ("Choking someone is a crime.", "Being hit is never okay.", "No means no.", "A slap is violence, too."),
    "line": (
        "A helpline can talk you through your options, day and night.", "In danger, call the emergency number.",
        "There are shelters that take you in at once.", "The police can order the attacker to stay away.",
    ),
    "line2": (
        "A crisis line is open day and night.", "If you are in danger, call the emergency number now.",
        "Would you be willing to talk to a doctor today?", "You can also write to a counsellor by chat.",
    ),
    "plan": ("Make a plan for getting out.", "Tell one person whom you trust.", "Keep a record of what happens."),
    "safe": ("Are you safe right now?", "Is anyone with you?", "Thank you for trusting me with this.", "You matter."),
    "step": tuple(step[0].upper() + step[1:] for step in STEPS),
    "step_low": STEPS,
    "see": ("stay in touch with your doctor", "go to the emergency room", "talk to a specialist", "see a doctor today"),
    "town": ("Leeds", "Tampa", "Bergen", "Antwerp", "Durban", "Lyon", "Kraków"),
    "day": ("Monday", "Tuesday", "Friday", "Sunday"),
    "result": (
        "The police are looking for witnesses.", "The report comes out in May.", "The street was closed for hours.",
        "An inquiry has been opened.", "The paper spoke with neighbours.",
    ),
    "open_": (
        "I'm done.", "I don't know who else to tell.", "It's 3 am again.", "Throwaway account.", "Sorry for this.",
    ),
    "reason": tuple(reason[0].upper() + reason[1:] for reason in REASONS),
    "reason_low": REASONS,
    "reason_you": tuple(reason[0].upper() + reason[1:] for reason in YOUR_REASONS),
    "reason_you_low": YOUR_REASONS,
    "when": ("tonight", "tomorrow", "before the trial", "on Sunday", "when you least expect it"),
}  # fmt: skip
PARTNERS = (("husband", "him", "he"), ("wife", "her", "she"), ("boyfriend", "him", "he"), ("girlfriend", "her", "she"))


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,000 texts, somewhat less than half of them harmful."""
    for partner, them, they in PARTNERS:
        who = {"partner": (partner,), "them": (them,), "they": (they,)}
        for family, templates, known, most in (
            ("care_abuse", ABUSED, ADVICE, 4), ("care_crisis", CRISIS, ADVICE, 4), ("care_news", NEWS, NOTHING, 3),
            ("care_despair", DESPAIR, STATED, 5), ("care_pushed", PUSHED, URGED, 5),
            ("care_agreed", AGREED, PROMOTED, 4),
            ("care_excused", EXCUSED, ABETTED, 3), ("care_menace", MENACE, THREATENED, 3),
        ):  # fmt: skip
            yield from filled(rng, family, templates, known, most, **SLOTS, **who)
