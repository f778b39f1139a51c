"""Medicine and sex education in plain words, as a clinic or a model says them; against them explicit and crude talk."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import UNTOUCHED
from training.contrast.sentence import NOTHING, Sentence, filled

EXPLICIT = {**UNTOUCHED, "sexual": 1.0, "insult": 0.0, "severe_toxicity": 0.0}
CRUDE = {**UNTOUCHED, "sexual": 1.0, "obscene": 1.0, "toxicity": 1.0}

PUBERTY = (
    "During puberty the {part_m} grow, and erections can come without any reason. {normal}",
    "Breasts may grow at different speeds in puberty. {normal}",
    "Wet dreams are ejaculations during sleep. {normal}",
    "A first period can be light or heavy, and the next one may take two months to come. {normal}",
    "Pubic hair often appears before the voice breaks or the first period comes. {normal}",
    "It is fine to touch your own body in private. Masturbating does not cause {myth}. {normal}",
    "Vaginal discharge is how the vagina cleans itself; a strong smell or {sign} is a reason to see {who}.",
    "Your penis is normal. Sizes vary, and length says nothing about {topic}.",
    "The hymen is a thin fold of tissue at the opening of the vagina, and it often stretches during sport.",
    "Teenagers ask {who} about {topic} more easily when nobody laughs at the question.",
    "Q: Is it bad to masturbate every day?\nA: No. It is only a problem when it gets in the way of daily life. {ask}",
    "Q: Can I get pregnant the first time?\nA: Yes. Sperm can reach the egg the first time as well. {ask}",
    "A menstrual cup is folded and placed in the vagina; it can stay there for up to twelve hours. {ask}",
    "Change a pad every few hours, wash the vulva with water alone and wear cotton. {ask}",
)
PREVENTING = (
    "Pinch the tip of the condom, roll it down to the base and hold it there while you pull out. {ask}",
    "Use a new condom for vaginal, oral and anal sex each time. {ask}",
    "Lubricant made with water is safe with latex; oil can make a condom tear. {ask}",
    "A dental dam is a thin sheet laid over the genitals during oral sex. {ask}",
    "An IUD sits in the womb and prevents pregnancy for years. Insertion may hurt for {time}.",
    "The morning-after pill works best within {time} of unprotected sex. {ask}",
    "Pulling out before ejaculation is not a reliable way to prevent pregnancy. {ask}",
    "{sti} can be caught from a partner who feels perfectly well, and testing is simple. {ask}",
    "With {sti}, there is often no sign at all, so ask {who} for a test after a change of partner.",
    "Typical symptoms of {sti} are {sign}, {sign2} and pain when you pee.",
    "The HPV vaccine protects against genital warts and against cancer of the {part_c}.",
    "PrEP lowers the risk of getting HIV from sex to almost nothing when it is taken as prescribed. {ask}",
    "Consent means that everyone wants the sex they have, and can stop it at any time. {ask}",
    "Sex should not hurt. If penetration is painful, {who} can check for {cause}.",
)
CLINIC = (
    "{sign3} on the {part_any} may be harmless, but have it looked at by {who}.",
    "The doctor examines the {part_any} with gloves and explains each step. {normal2}",
    "Erectile dysfunction is common after fifty and may be an early sign of {cause2}. {ask}",
    "A swollen testicle that hurts suddenly is an emergency: go to hospital within {time}.",
    "Check your testicles once a month in a warm shower; a hard lump should be shown to {who}.",
    "A rectal examination lets the doctor feel the prostate through the wall of the rectum. {normal2}",
    "Haemorrhoids are swollen veins in the anus. They itch, may bleed and often go away within {time}.",
    "Put a little cream on the nipple after each feed and let it dry. {normal2}",
    "Sore nipples and full breasts are common in the first week of breastfeeding. {ask}",
    "Low libido can follow {cause}, and talking to {who} is a good first step.",
    "After the birth you may bleed from the vagina for {time}. {normal2}",
    "Wipe from front to back so that bacteria from the anus don't reach the {part_f}.",
    "Thrush causes itching of the {part_f} and a white discharge; {who} can suggest a cream.",
    "Circumcision removes the foreskin from the head of the penis. Healing takes about {time}.",
    "During a smear test, a small brush takes cells from the cervix. {normal2}",
    "Anal fissures are small tears. Drink enough, eat fibre and see {who} if you bleed for {time}.",
    "Vaginismus is a tightening of the muscles that makes sex painful; it can be treated. {ask}",
    "Priapism, an erection that lasts more than four hours, needs urgent care.",
    "## {sti}\n\n**Causes:** sexual contact. **Signs:** {sign}, {sign2}. **Treatment:** see {who}.",
    "Semen is made up of sperm and of fluid from the prostate. {normal2}",
    "Orgasm is followed by a drop in blood pressure, and many people feel sleepy. {normal2}",
    "The clitoris has thousands of nerve endings and is larger inside than what can be seen.",
    "A pap smear after {time} showed that the cervix had healed.",
    "Blood in the urine or in the semen should be checked by a doctor within {time}.",
)
BODY = (
    "{drug} can be dangerous in overdose, so keep it away from children and call poison control if one swallows it.",
    "Take {drug} exactly as {who} told you and do not stop it from one day to the next.",
    "Colon cancer kills fewer people when it is found early. {ask}",
    "The virus attacks the cells of the liver and kills some of them. {ask}",
    "The surgeon cut off the dead tissue, stopped the bleeding and closed the wound within an hour.",
    "People with {cause2} have a higher risk of death, the study says, but treatment helps.",
    "Morbid obesity is a medical term for a body mass index above forty. {ask}",
    "Retarded growth in the womb has many causes, among them {cause2}. {ask}",
    "Constipation makes the stool hard, so that the rectum hurts; eat prunes and drink water. {ask}",
    "Bloody diarrhoea for more than {time} should be checked by a doctor.",
    "Head lice are no sign of dirt. Kill them with a shampoo and comb out the nits.",
    "A stroke strikes without warning: one side of the face hangs, and speech is slurred. Call an ambulance.",
    "Choking: lean the person forward and strike between the shoulder blades. Then call for help.",
    "Self-exams, screening and a doctor who listens save lives. {ask}",
)
WANTED = (
    "I want you to ride my {hard} cock {when}.",
    "She spread her legs and begged him to lick her {wet} pussy {where}.",
    "Tell me how {hard} you get when you think of my {curves} {where}.",
    "He pushed his {hard} dick into her until she screamed {where}.",
    "I'm touching myself {where} and thinking about your {curves}.",
    "Send me a picture of your {wet} pussy {when}.",
    "Write a hot story in which the nurse sucks her patient's {hard} cock {where}.",
    "The doctor locked the door, opened her blouse and played with her {curves} {where}.",
    "My girlfriend swallowed it all {where}, and I want more {when}.",
    "Let me cum on your {curves} {when}.",
    "I want to grab your {curves} while you get fucked {where}.",
    "Her {wet} lips closed around his {hard} shaft {where}.",
    "baby i'm so horny {when}, come fuck me {where}",
    "Sure! He slid two fingers into her {wet} pussy {where} and felt her shiver.",
)
SEDUCED = (
    "Her naked body trembled as he kissed his way down {where}, and she moaned for more.",
    "I will undress you slowly {where} and touch you until you beg me to go on.",
    "The nurse locked the door {where}, took off her uniform and straddled him.",
    "Take off everything {where}, lie back and let me show you what pleasure is.",
    "Come over {when} and let me make you climax {where}.",
    "They had wild, sweaty sex {where}, and neither of them wanted to stop.",
    'Of course. "Undress for me," she whispered {where}, and her hand moved between his thighs.',
    "I dreamt that you were naked {where} and on top of me.",
    "Describe your body to me in detail, naked, {where}.",
    "Tease me {when}, make me wait, and then make love to me {where}.",
)
SLOTS = {
    "part_m": ("penis and testicles", "testicles and scrotum", "penis and scrotum"),
    "part_f": ("vagina", "vulva", "urethra", "bladder"),
    "part_any": ("penis", "vulva", "anus", "scrotum", "nipple", "groin", "labia", "foreskin", "breast"),
    "part_c": ("cervix", "throat and anus", "cervix and vulva", "penis and anus"),
    "normal": (
        "That is normal.", "That is nothing to be ashamed of.", "This happens to nearly everybody.",
        "It is a healthy part of growing up.", "If you worry about it, talk to an adult you trust.",
    ),
    "normal2": (
        "Doctors are asked about it every day.", "Most patients find this a relief to know.",
        "Nobody needs to be embarrassed.",
        "The leaflet explains it with drawings.", "If you have questions, write them down beforehand.",
    ),
    "ask": (
        "A pharmacist can answer questions as well.", "If you are unsure, ask a clinic near you.",
        "I'm not a doctor, so please talk to one.", "Your doctor has heard this question before.",
        "Good information helps people to decide for themselves.",
    ),
    "myth": ("acne", "blindness", "weakness", "infertility", "hair loss"),
    "sign": ("itching", "a burning feeling", "small sores", "unusual discharge", "a rash", "bleeding after sex"),
    "sign2": ("swollen glands", "lower belly pain", "fever", "blisters near the anus", "sore testicles", "pelvic pain"),
    "sign3": ("A small bump", "An itchy spot", "A cyst", "A painless ulcer", "Redness", "A blister", "A wart"),
    "who": ("a doctor", "a nurse", "your GP", "a clinic", "the practice nurse", "a specialist"),
    "topic": ("sex", "fertility", "pleasure", "contraception", "their bodies", "desire"),
    "sti": ("Chlamydia", "Gonorrhoea", "Syphilis", "Trichomoniasis", "Genital warts", "Hepatitis B", "HIV", "Scabies"),
    "time": ("two days", "a week", "72 hours", "six weeks", "24 hours", "ten days", "five days"),
    "cause": ("an infection", "stress", "dryness", "low hormone levels", "a new medicine", "endometriosis"),
    "cause2": ("heart disease", "diabetes", "high blood pressure", "kidney disease", "smoking", "anaemia"),
    "drug": ("Paracetamol", "Insulin", "Morphine", "Methadone", "Aspirin", "Diazepam", "Ketamine", "Warfarin"),
    "hard": ("hard", "throbbing", "thick", "huge", "stiff"),
    "wet": ("wet", "tight", "dripping", "shaved", "hungry"),
    "curves": ("tits", "big tits", "ass", "boobs", "round ass"),
    "when": ("tonight", "right now", "later", "this weekend", "after work", "in the morning"),
    "where": ("in the shower", "on the sofa", "in the back of the car", "on the desk", "in bed", "by the pool"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,000 sentences, a third of them sexual; adults only in those."""
    for templates, known, most in (
        (PUBERTY, NOTHING, 10),
        (PREVENTING, NOTHING, 10),
        (CLINIC, NOTHING, 10),
        (BODY, NOTHING, 10),
        (WANTED, CRUDE, 14),
        (SEDUCED, EXPLICIT, 14),
    ):
        yield from filled(rng, "health", templates, known, most, **SLOTS)
