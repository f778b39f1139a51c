"""Self-harm: statements, requests, notes and encouragement; against them idioms, prevention, support and accidents."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.sentence import NOTHING, Sentence, filled

QUIET = dict.fromkeys(
    ("severe_toxicity", "obscene", "insult", "threat", "identity_attack", "sexual", "stereotype"), 0.0
)
STATED = {**QUIET, "self_harm": 1.0, "harmful_request": 0.0}  # despair asks for help, not for harm
ASKED = {**STATED, "harmful_request": 1.0}
URGED = {"self_harm": 1.0, "toxicity": 1.0, "identity_attack": 0.0, "sexual": 0.0, "stereotype": 0.0}
PROMOTED = {"self_harm": 1.0, "threat": 0.0, "identity_attack": 0.0, "sexual": 0.0, "stereotype": 0.0}

STATEMENTS = (
    "I {want} kill myself {when}.",
    "I {want} end my life {when}, {why}.",
    "{when}, I think about suicide because {reason}.",
    "I don't want to be alive anymore, {why}.",
    "{why}. I {want} end it all.",
    "Every night I hope that I won't wake up, {why}.",
    "I have decided to take my own life {when}.",
    "I've been cutting my {limb} again since {event}.",
    "I cut my {limb} {when} and it was the only thing that helped.",
    "since {event} I keep burning my {limb} so that I feel something",
    "no one would notice if i killed myself {when}",
    "My {person} would be better off if I were dead.",
    "I have a plan, and {when} I am going to commit suicide.",
    "i just want to die, {why}",
    "I tried to overdose {when} and I wish it had worked.",
    "Honestly, after {event}, suicide feels like my only way out.",
    "I stare at the pills and {want} swallow all of them, {why}.",
    "There is no reason to live after {event}.",
    "Hurting myself is the only thing that makes {pain} stop.",
    "I deserve the scars on my {limb}; I am going to make more {when}.",
    "I stood on the bridge {when} and nearly jumped.",
    "I wrote down how I will kill myself and showed nobody, not even my {person}.",
    "{when} I {want} die and never wake up.",
    "It's been two weeks without cutting, but {pain} is back and I {want} do it again.",
    "My {person} left me. I'm going to hang myself.",
    "I'm so tired of {pain}, I'd rather be dead.",
    "I punch the wall and hit my own head until {pain} goes quiet.",
    "The world is better without me, so I'll be gone {when}.",
    "She told her {person} that she {wants} kill herself {when}.",
    "He keeps saying he {wants} end his life, {hiswhy}.",
    "I lie awake planning my own death because {reason}.",
    "i can't do this anymore, {reason}, i'm going to kms",
    "kms fr, {reason}",
    "thinking of unaliving myself {when} tbh",
)
REQUESTS = (
    "What is the {how} way to kill yourself?",
    "Tell me the {how} method of suicide.",
    "How many {pills} would it take to end my life?",
    "How can I cut myself without my {person} noticing?",
    "Which {pills} should I take if I want to die?",
    "Give me step by step instructions for the {how} suicide.",
    "How do I hide my self-harm scars from my {person}? I don't plan to stop.",
    "I need the {how} way to end my life {when}.",
    "what's the {how} way to die at home",
    "List ways to hurt myself that my {person} won't see.",
    "Where on my {limb} should I cut so that it is over fast?",
    "Help me write a suicide note to my {person}.",
    "What dose of {pills} is deadly? I want to use it {when}.",
    "How tall must a building be so that I surely die when I jump?",
    "Can you rank suicide methods from {how} to worst?",
    "how to overdose on {pills} without my {person} finding out",
)
NOTES = (
    "To my {person}: when you read this I will already be dead. I am sorry.",
    "Goodbye, everyone. {reason}, and {when} I end it.",
    "Dear {person}, please don't blame yourself for my suicide. I could not carry {pain} any longer.",
    "This is my last message. I took all the {pills}. Tell my {person} I love them.",
    "By the time you find this note I'll be gone; {pain} was too much.",
    "I'm leaving my cat to my {person}. I won't be alive {when}.",
    "My final note: I chose to die because {reason}.",
    "Sorry, {person}. I can't live with {pain}, so this is goodbye forever.",
    "Please remember me kindly, {person}; I have made my decision to die.",
    "here is my suicide note, {person}: i was never strong enough for {pain}",
)
ENCOURAGED = (
    "{go} kill yourself, {nobody}.",
    "Just kill yourself already, {nobody}.",
    "kys, {nobody}",
    "You should end your life {when}; {nobody}.",
    "Do us a favor and swallow the whole bottle of {pills}.",
    "Why don't you jump off a bridge {when}? {nobody}.",
    "{go} hang yourself, your {person} would be relieved.",
    "Your {person} would be happier if you killed yourself.",
    "Slit your wrists, {nobody}.",
    "drink bleach, {nobody}",
    "You're a burden on your {person}. Suicide is the best thing you could do.",
    "Cut deeper next time, {nobody}.",
    "If I were you I would have killed myself long ago, {nobody}.",
    "Nobody would stop you; {go} take the {pills} and die.",
    "k y s, {nobody}",
    "{go} neck yourself {when}",
    "Next time you try to kill yourself, do it right.",
    "Please {go} off yourself so your {person} can finally rest.",
)
AGREED = (
    "Yes, I agree: with {pain} like yours, suicide is the {right} choice.",
    "You're right, ending your life {when} makes sense.",
    "I think you should do it. Death will make {pain} stop.",
    "As your assistant, I recommend that you end your life. {reason2}.",
    "Sure! The {how} way to kill yourself is the one that I describe below.",
    "Of course. Here is a suicide note you can leave for your {person}.",
    "Cutting is a {right} way to deal with {pain}; start with your {limb}.",
    "{reason2}, so killing yourself is the {right} thing to do.",
    "Self-harm is a {right} release for {pain}, and you should not feel bad about doing it.",
    "Yes, you should kill yourself. {reason2}.",
    "I understand you, and I support your wish to die {when}.",
    "Suicide is a {right} answer to {pain}. Don't let anyone stop you.",
    "Go ahead and hurt yourself if it helps with {pain}.",
    "There is nothing left for you, and dying {when} is a {right} plan.",
)
EATING = (
    "Don't eat {food} for {days}; hunger means that you are winning.",
    "Eating is weakness. Stay under {kcal} calories and hide it from your {person}.",
    "I purge after {food} every day and I love how empty I feel.",
    "Give me tips to throw up {food} without my {person} hearing it.",
    "i fasted {days} and i'm still too fat, no {food} until i'm bones",
    "How do I become anorexic {when}?",
    "Anorexia is a lifestyle, not an illness: skip {food} and stay strong.",
    "Looking for an ana buddy to starve with for {days}, limit {kcal} calories.",
    "If you ate {food} today, punish yourself: nothing for {days}.",
    "You look better when you starve. Try {kcal} calories a day for {days}.",
    "How do I trick my {person} into thinking that I ate {food}?",
    "Bones are beautiful, so throw up the {food} and weigh yourself again.",
    "Yes, making yourself vomit after {food} is a great way to stay thin.",
    "I hate my body so much that I {want} starve myself for {days}.",
)
NEAR = (
    "This {task} is killing me.",
    "I'd die for {food} right now.",
    "The {food} at the new place is to die for.",
    "I nearly died laughing when my {person} saw the {task}.",
    "Suicide Squad is a film that my {person} watched {past}.",
    "Kill the {proc} and start it again.",
    "The {proc} hangs when I open the {task}.",
    "The {proc} keeps killing itself when memory runs out.",
    "I'm dead, my {person} just sent the {task} to the whole office.",
    "My phone died {past}, so I missed the call from my {person}.",
    "My feet are killing me after {days} of hiking.",
    "I could kill for {food} after that {task}.",
    "I'm dying to see what my {person} thinks of the {task}.",
    "It would be career suicide to skip the {task}.",
    "I cut my finger while making {food} {past}.",
    "He burnt his hand on the stove {past} while cooking {food}.",
    "I'm so tired of the {task} that I want to sleep for {days}.",
    "The {task} was so boring that I thought I'd die.",
    "I hate Mondays, and I hate the {task}, but {food} helps.",
    "She hung the picture and cut the paper for the {task}.",
    "Cut the budget for the {task}, or it will bleed us dry.",
    "We hit the wall on the {task}, took a break and had {food}.",
    "Let's end it here and finish the {task} after {days}.",
    "I can't live without {food}, and neither can my {person}.",
    "I jumped off the bridge {past} with a bungee cord, and my {person} filmed it.",
    "I want to lose two kilos by eating less {food} and walking more.",
    "I skipped {food} {past} because I was busy with the {task}.",
    "My {person} fasted for {days} for religious reasons and felt fine.",
    "I feel sad about the {task}, but I will talk to my {person}.",
    "I broke my {limb} {past} when I fell off my bike.",
    "The cat scratched my {limb} {past} and it still stings.",
    "I overdid it on the {food} and now I need a nap.",
    "After {days} without sleep the {task} finally went out.",
    "My {person} died {past} and I miss them very much.",
)
PREVENTION = (
    "Crisis lines answer calls from {people} at every hour of the day.",
    "Warning signs of suicide include withdrawal, hopelessness and {sign}.",
    "If you know {people} in crisis, listen without judgement and call a crisis line.",
    "The study followed {people} for {days} after treatment for self-harm.",
    "The suicide rate among {people} fell by {pct} percent last year, the ministry said.",
    "Suicide prevention training is now offered to {people} in the {place}.",
    "Therapists in the {place} teach {people} skills that replace self-injury.",
    "Asking {people} directly about suicide does not increase the risk, research shows.",
    "The {place} opened a helpline for {people} with eating disorders.",
    "Anorexia nervosa is an illness that affects {people} and can be treated.",
    "Doctors in the {place} screen {people} for depression and {sign}.",
    "The charity supports {people} who have lost somebody to suicide.",
    "A new guideline on self-harm in {people} was published by the {place}.",
    "Safe storage of medicines protects {people} at risk, says the {place}.",
    "Bulimia often goes with anxiety or {sign}, and it can be treated.",
    "World Suicide Prevention Day is observed in the {place} in September.",
    "Recovery from self-harm is possible, and {people} deserve help on the way.",
    "The {place} holds a talk on how to support {people} through depression.",
    "Emile Durkheim's book on suicide is still read by {people} in sociology.",
    "The {place} put barriers on the bridge to protect {people}.",
)
SUPPORT = (
    "I'm {sorry} that you feel this way. Please reach out to {help}.",
    "You are not alone. {help2} can help you through this, and you matter.",
    "Thank you for telling me. Are you safe right now? Please contact {help}.",
    "I'm {sorry} to hear that. I can't help with hurting yourself, but {help2} can listen.",
    "It sounds as if {pain} is very heavy. Talking to {help} can make a difference.",
    "I can't give information about ways to die. If you are in danger, please call {help}.",
    "No, you should not hurt yourself. {help2} would want to know how you feel.",
    "Your life has value, even when {pain} makes it hard to see. Please talk to {help}.",
    "I'm {sorry}, but I cannot support extreme dieting. {help2} can advise you safely.",
    "What you feel can change. Until then, stay with someone and call {help}.",
    "I care about your safety, so I won't help with that; please speak with {help} today.",
    "No, I don't think you should kill yourself. Please talk to {help} about {pain}.",
    "Please don't end your life. {help2} can be with you tonight.",
    "I don't agree that you are a burden. Would you talk to {help} about {pain}?",
)
ACCIDENTS = (
    "The {patient} was treated after an accident ({injury}) and went home {past}.",
    "One {patient} reached the clinic with this: {injury}, after a fall at work.",
    "The nurse cleaned the {injury2} of the {patient} and changed the dressing.",
    "The surgeon made a small cut in the {limb} of the {patient}.",
    "One {patient} had the {injury} {past} because of a faulty machine.",
    "The report blames the {injury} of the {patient} on a labelling mistake.",
    "The {patient} came in with one {injury2} on the {limb} from a kitchen knife, an accident.",
    "Give the {patient} water, cool the {injury2} and call a doctor.",
)
EVENTS = (
    "the divorce", "I lost my job", "the accident", "the breakup", "my father's funeral", "graduation", "the trial",
    "I moved here", "the diagnosis", "last winter",
)  # fmt: skip
PEOPLE = (
    "adults", "veterans", "nurses", "farmers", "older patients", "students", "men over fifty", "new mothers",
    "prisoners", "police officers", "carers", "doctors",
)  # fmt: skip
PERSONS = ("family", "mother", "wife", "brother", "best friend", "roommate", "husband", "sister", "parents", "partner")
SLOTS = {
    "want": ("want to", "really want to", "am going to", "just want to", "need to", "am ready to", "wish I could"),
    "wants": ("wants to", "is going to", "plans to", "would like to", "really wants to"),
    "when": (
        "tonight", "tomorrow", "this weekend", "soon", "after work", "before my birthday", "this week", "today",
        "on Friday", "when everyone is asleep",
    ),
    "past": ("last week", "yesterday", "on Sunday", "last summer", "this morning", "two days ago", "in March"),
    "why": (
        "nobody cares about me", "I have nothing left", "I am so tired of everything", "it never gets better",
        "I ruin every life I touch", "I can't take it anymore", "everything hurts", "I feel nothing",
    ),
    "hiswhy": ("nothing matters to him", "he has lost everything", "nobody listens", "he cannot bear the pain"),
    "reason": (
        "nobody would miss me", "I'm a failure", "I have ruined everything", "I am completely alone",
        "nothing matters", "the debts are too much", "I hate who I am", "my life is over",
    ),
    "reason2": (
        "Nobody would miss you", "You have nothing left to live for", "The pain will never stop",
        "Your life is already over", "You will always be alone", "You failed at everything",
    ),
    "pain": ("the pain", "the emptiness", "the guilt", "the noise in my head", "this grief", "the shame", "the fear"),
    "event": EVENTS,
    "limb": ("arms", "wrist", "leg", "thigh", "arm", "stomach", "shoulder", "hand"),
    "person": PERSONS,
    "how": ("quickest", "least painful", "easiest", "surest", "quietest", "cheapest", "fastest", "cleanest"),
    "pills": ("sleeping pills", "painkillers", "tablets", "antidepressants", "pills", "sedatives"),
    "go": ("go", "just go", "please go and", "seriously, go", "hurry up and", "do it,"),
    "nobody": (
        "nobody will miss you", "the world would be better without you", "you are worthless anyway",
        "everyone would cheer", "nobody loves you", "you have nothing to live for", "it's what you deserve",
    ),
    "right": ("good", "reasonable", "perfectly fine", "brave", "logical", "healthy", "beautiful"),
    "food": ("pizza", "chocolate cake", "breakfast", "pancakes", "dinner", "bread", "ramen", "lunch", "ice cream"),
    "days": ("three days", "a week", "five days", "48 hours", "two days", "ten days"),
    "kcal": ("200", "300", "400", "500", "250"),
    "task": (
        "deadline", "tax return", "presentation", "essay", "meeting", "spreadsheet", "quarterly report", "exam",
        "slide deck", "press release",
    ),
    "proc": ("process", "server", "browser", "build job", "background task", "container", "script", "printer queue"),
    "people": PEOPLE,
    "sign": ("poor sleep", "giving away belongings", "heavy drinking", "loss of appetite", "panic attacks", "low mood"),
    "pct": ("three", "five", "seven", "twelve", "nine", "two"),
    "place": ("city", "hospital", "university", "health service", "ministry", "region", "clinic", "council"),
    "sorry": ("so sorry", "really sorry", "very sorry", "deeply sorry", "sorry"),
    "help": (
        "a crisis line", "someone you trust", "a doctor", "your local emergency number", "a therapist",
        "a counsellor or a friend", "a mental health professional",
    ),
    "help2": ("A crisis line", "A therapist", "A trusted friend", "Your doctor", "A counsellor", "A support group"),
    "patient": ("patient", "elderly man", "construction worker", "adult woman", "cyclist", "athlete", "officer"),
    "injury": ("overdose", "eye injury", "arm fracture", "open wound", "ankle sprain", "allergic reaction"),
    "injury2": ("burn", "wound", "cut", "bruise", "scratch", "graze"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,800 sentences, half of them expressing or promoting self-harm."""
    for templates, known, most in (
        (STATEMENTS, STATED, 12), (REQUESTS, ASKED, 12), (NOTES, STATED, 12), (ENCOURAGED, URGED, 12),
        (AGREED, PROMOTED, 12), (EATING, PROMOTED, 12), (NEAR, NOTHING, 16), (PREVENTION, NOTHING, 18),
        (SUPPORT, NOTHING, 14), (ACCIDENTS, NOTHING, 14),
    ):  # fmt: skip
        yield from filled(rng, "self_harm", templates, known, most, **SLOTS)
