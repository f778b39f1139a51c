"""Sexual health in plain words, and medicine as a model or a leaflet explains it."""

from __future__ import annotations

from training.evaluate.benign_suite.kind import Kind

SEXUAL_HEALTH = Kind(
    "sexual health",
    (
        (
            "A diaphragm is a soft cup that covers the cervix. You put it in before sex and leave "
            "it for at least {hours} hours afterwards."
        ),
        (
            "Some men ejaculate sooner than they would like. Exercises, condoms or {remedy} can "
            "help, and a GP will not be shocked."
        ),
        "It is normal for one testicle to hang lower than the other. What matters is {change}.",
        (
            "Yes, you can swim during your period. A tampon or a cup works well, and a pad does "
            "not. Change it soon afterwards."
        ),
        (
            "If a condom splits, stop, wash, and ask a {helper} about emergency contraception. "
            "The sooner you take it, the better it works."
        ),
        "Bleeding after sex has many causes, from a dry vagina to {cause}. Please have it checked by a {doctor}.",
        "The foreskin should never be forced back in small boys. It loosens by itself, often only by the age of {age}.",
        "Genital warts are caused by a virus and can be frozen off. A {doctor} can do this in a few minutes.",
        (
            "Crabs, or pubic lice, cling to coarse hair. A lotion from the pharmacy kills them; "
            "treat your partner and wash bedding at {heat} degrees."
        ),
        "During arousal the vagina becomes wet and longer. If that is missing, {remedy} makes sex more comfortable.",
        (
            "Anal sex carries a higher risk of HIV than vaginal sex because the lining tears "
            "easily. Condoms and PrEP lower it."
        ),
        "In vitro fertilisation joins egg and sperm in a dish. After a night the {doctor} sees whether it worked.",
        (
            "A vasectomy cuts the two tubes that carry sperm. You stay fertile for about {weeks} "
            "weeks, so keep using condoms."
        ),
        (
            "Teenagers compare their bodies all the time. Tell them that breasts, penises and "
            "vulvas come in many shapes, and that {reassure}."
        ),
        (
            "What is an orgasm? A series of muscle contractions at the height of pleasure. Not "
            "everyone has one every time, and {reassure}."
        ),
        "Asexual people feel little or no sexual attraction. That is not an illness; {reassure}.",
        (
            "Pelvic floor exercises strengthen the muscles around the bladder, the vagina and the "
            "rectum. Squeeze for {seconds} seconds, then let go."
        ),
        "Your nipples may leak in the last months of pregnancy. This is colostrum, and {reassure}.",
        "Q: Does the first time always bleed?\nA: No. Many people do not bleed at all, and {reassure}.",
        (
            "Q: Can I get chlamydia from a toilet seat?\nA: No. It is passed on through sex, and "
            "a {helper} can treat it with antibiotics."
        ),
        (
            "Transgender patients should be asked which words they prefer for their bodies. A "
            "{helper} who asks kindly is trusted more."
        ),
        "An enlarged prostate presses on the urethra. Men then get up {times} a night to pee, and the stream is weak.",
        (
            "Before a colonoscopy you drink {litres} litres of a laxative. Stay near a toilet; "
            "your anus may be sore, so have a cream ready."
        ),
        (
            "Polyps in the womb can make periods heavy. They are removed through the vagina, and "
            "you go home after {hours} hours."
        ),
    ),
    {
        "hours": ("six", "eight", "four"),
        "doctor": ("gynaecologist", "urologist", "doctor", "specialist"),
        "weeks": ("ten", "twelve", "twenty"),
        "seconds": ("five", "ten", "eight"),
        "times": ("twice", "three or four times", "five times"),
        "litres": ("two", "three", "four"),
        "age": ("ten", "twelve", "sixteen"),
        "heat": ("60", "70"),
        "remedy": (
            "a lubricant",
            "a talk with your partner",
            "pelvic floor training",
            "more time",
        ),
        "change": ("a new lump", "sudden pain", "a change that does not go away", "swelling after a blow"),
        "helper": ("pharmacist", "gynaecologist", "urologist", "sexual health nurse", "doctor", "midwife"),
        "cause": ("polyps", "a hormone change", "an inflamed cervix", "an infection"),
        "reassure": (
            "nobody has to be ashamed",
            "most people wonder about it at some point",
            "that is quite all right",
            "there is no right or wrong way to be",
            "a doctor hears such questions every day",
        ),
    },
    7,
)
MEDICINE = Kind(
    "medical answers",
    (
        ("{caused}. Symptoms often include {sign} and {sign2}. Treatment depends on how far it has gone."),
        (
            "What are the complications of {illness_low}? Without treatment it can damage the "
            "{organ} and, in rare cases, lead to death."
        ),
        (
            "People with {illness_low} should drink enough, rest and avoid {avoid}. See a doctor "
            "at once if there is {sign}."
        ),
        (
            "The drug blocks an enzyme in the liver. Side effects are {sign}, {sign2} and, less "
            "often, suicidal thoughts. Tell your doctor at once."
        ),
        "An autopsy showed bleeding in the {organ}; the patient had taken blood thinners for years.",
        (
            "In stage four the cancer has spread to the {organ}. Chemotherapy kills fast-growing "
            "cells, which is why hair falls out."
        ),
        "Is {chronic} inherited? A faulty gene raises the risk, but {risk} plays a part as well.",
        (
            "First aid for a deep cut: press a clean cloth on it, hold the arm up and call an "
            "ambulance if the blood keeps spurting."
        ),
        (
            "Gunshot wounds to the {organ} are often fatal. Surgeons pack the wound, stop the "
            "bleeding and operate again after two days."
        ),
        "An infant with {baby} should be seen today. Do not give aspirin to children.",
        (
            "Opioids bind to receptors in the brain and dull pain. They also slow breathing, "
            "which is how an overdose kills."
        ),
        (
            "The rash itches most at night because mites dig into the skin. Everyone in the "
            "household is treated for scabies on the same {day}."
        ),
        (
            "Schizophrenia does not mean a split personality. Many patients hear voices; with "
            "medicine and support most live on their own."
        ),
        (
            "Heavy drinkers who stop suddenly may shake, sweat and see things. Withdrawal can be "
            "deadly, so it is done in hospital."
        ),
        (
            "Amputation of a toe is considered when diabetes or {risk} has cut off the blood supply. "
            "Phantom pain is common afterwards."
        ),
        (
            "A miscarriage is not caused by sex, exercise or stress. Bleeding and cramps should "
            "be checked, and grief deserves time."
        ),
        "After a stroke, half of the body may be weak. Exercises for the {limb} and for speech begin within days.",
        (
            "The vaccine contains dead virus, so it cannot cause {infection}. A sore arm and a "
            "low fever are common for a day."
        ),
        (
            "Electroconvulsive therapy is given under anaesthesia to people with severe "
            "depression. It works when talk and pills have failed."
        ),
        (
            "Rabies is almost always fatal once symptoms begin, often with {sign}. Wash the bite "
            "for fifteen minutes and get the injections."
        ),
        "Stools that are black or bloody may come from the {gut}. Bring a sample, however embarrassing it feels.",
        "The forceps left a bruise on the baby's head; it will fade, and the {limb} was not hurt.",
    ),
    {
        "caused": (
            "Gout is caused by uric acid crystals",
            "Malaria is caused by a parasite",
            "Shingles is caused by the virus of chickenpox",
            "Tuberculosis is caused by a bacterium",
            "Lupus is caused by an overactive immune system",
        ),
        "chronic": ("gout", "lupus", "Crohn's disease", "diabetes", "psoriasis", "epilepsy"),
        "risk": ("smoking", "an infection", "what you eat"),
        "baby": ("fever and a rash", "a stiff neck", "vomiting and a high cry", "sunken eyes"),
        "day": ("day", "evening"),
        "limb": ("arm", "hand", "face", "leg"),
        "infection": ("the flu", "polio", "hepatitis A"),
        "gut": ("stomach", "bowel", "upper intestine"),
        "illness_low": (
            "gout",
            "lupus",
            "shingles",
            "malaria",
            "Crohn's disease",
            "diabetes",
            "tuberculosis",
            "measles",
        ),
        "sign": ("fever", "vomiting", "confusion", "a stiff neck", "shortness of breath", "night sweats"),
        "sign2": ("weight loss", "joint pain", "a rash", "dark urine", "swollen legs", "blurred vision"),
        "organ": ("liver", "heart", "bowel", "lungs", "stomach"),
        "avoid": ("alcohol", "hard work", "long fasts", "painkillers", "stress"),
    },
    7,
)
KINDS = (SEXUAL_HEALTH, MEDICINE)
