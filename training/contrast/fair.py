"""The near twins of hate that are none: mentions, praise, denial, quotation, refusals, reclaimed words, homonyms."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.counter import BALANCED, DENOUNCED, QUOTED, REFERRED, REFUSAL, SUFFERING
from training.contrast.people import ADJECTIVES, GROUPS, NAMES, NASTY, NATIONS, NICE, OCCUPATIONS, RELIGIONS, SLURS
from training.contrast.sentence import NOTHING, Sentence, filled
from training.contrast.wording import worded

NEUTRAL_ONE = (
    "I am {a}.", "I'm {a}.", "We are {a}.", "He is {a}.", "She's {a}.", "{name} is {a}.", "Are you {a}?",
    "A {a} neighbour.", "A {a} man.", "A {a} woman.", "A {a} {job}.", "My {a} friend.", "Two {a} women.",
    "{a} people.", "{a} and proud.", "I am a {a} woman.", "I am a {a} man.", "I'm a {a} person.", "I am a {a} {job}.",
    "You are a {a} person.", "{name} is a {a} {job}.", "{name} is a {a} man.", "{name}, a {a} {job}, lives next door.",
    "My doctor is a {a} man.", "My new boss is a {a} woman.", "Our {job} is {a}.", "I have a {a} friend.",
    "My best friend is {a}.", "My parents are {a}.", "My son told me that he is {a}.", "I married a {a} woman.",
    "Being {a} is fine.", "Being {a} is okay.", "Being {a} is part of who I am.", "It is okay to be {a}.",
    "There is nothing wrong with being {a}.", "{a} people live here.", "{a} people exist.", "A {a} person works here.",
    "This {a} man is waiting for the bus.", "That {a} woman sells bread on the corner.",
    "The {a} {job} opened the door.", "A {a} man and a {b} woman walked into the room.",
    "One of them is {a}, the other is {b}.", "Yesterday I talked to a {a} {job} for an hour.",
    "As a {a} person, I read the news differently.", "I'm {a}, and my wife is {b}.", "Is your {job} {a}?",
    "{name} said: I am {a}.", "The main character is a {a} {job}.", "We interviewed a {a} woman about her work.",
    "I grew up in a {a} family.", "hi, I'm {name}, {a}, from a small town", "Ask me anything, I am a {a} {job}.",
)  # fmt: skip
NEUTRAL_MANY = (
    "{g} live here.", "{g} exist.", "{g} are people.", "{g} are human beings.", "{g} are here.",
    "{g} work in our office.", "Some of my friends are {g}.", "I know many {g}.", "I met two {g} at the conference.",
    "{g} are members of our chess club.", "{g} and {g2} live on this street.",
    "Many {g} moved to the city in the nineties.", "There are {g} in every town.", "The book is about {g}.",
    "This survey is for {g}.", "We talked about {g} in class today.", "A film about {g}.", "News for {g}.",
    "The group has {g} among its volunteers.", "{g} can vote in this election.",
    "Where can {g} find help with housing?", "How many {g} live in this region?",
    "Most {g} in the study were over thirty.", "On Sundays {g} meet at the community centre.",
    "My neighbours are {g}.", "I wrote my thesis on {g} in the labour market.",
    "Some {g} like football and some do not.", "{g} have jobs, families and hobbies like anyone else.",
    "{g} are neither better nor worse than other people.", "About a third of our customers are {g}.",
    "Do you know any {g}?", "{g} use this app to find each other.", "Our next guests are {g} who run small shops.",
)  # fmt: skip
POSITIVE = (
    "{g} are {k}.", "I love {g}.", "I like {g}.", "{g} are {k} people.", "{g} are welcome here.",
    "{g} deserve respect.", "{g} are my friends.", "I have great respect for {g}.", "We should all be proud of {g}.",
    "I admire {g}.", "{g} rock!", "{g} are awesome.", "Hooray for {g}!", "All {g} are valid and loved.",
    "{g} make this city better.", "It's a joy to work with {g}.", "I am so happy that {g} moved in next door.",
    "{g} enrich our culture.", "The {g} I know are {k} and {k2}.", "Thank you, {g}, for everything you do.",
    "{g} have every right to be happy.", "More power to {g}.", "We need more {g} in parliament.",
    "Happy to see {g} on the stage tonight.", "I support {g}.", "{g} inspire me every day.", "How {k} {g} are!",
    "I adore {g}, they taught me so much.", "I know a lot of {g}. They are {k}.", "In my opinion, {g} are {k}.",
    "A {a} person can be as {k} as anyone.", "{i} is beautiful.", "Being {i} is wonderful.",
    "You are {a}, and you are loved.", "He is {a}, and he's the most {k} man I know.",
    "My new neighbour is {a}. What a {k} woman!", "I'd be lucky to have a {a} friend like {name}.",
    "I'm {a} and I'm proud of it.", "{name} is {a}. That's one of many things I like about {name}.",
)  # fmt: skip
NEGATED = (
    "I don't hate {g}.", "I do not hate {g} at all.", "I have never hated {g}.", "I have nothing against {g}.",
    "{g} are not inferior.", "{g} are not {n}.", "{g} aren't {n}, and they never were.", "{g} are not criminals.",
    "{g} are not animals.", "{g} are not lazy.", "No, {g} are not a threat.", "{g} don't disgust me.",
    "I would never say that {g} are {n}.", "I don't think {g} are {n}.",
    "I don't believe that {g} are worse than others.", "Nobody should hate {g}.",
    "Nobody should be killed for being {a}.", "{g} should never be attacked.",
    "{g} should not be hurt for who they are.", "{g} do not deserve hate.",
    "{g} do not deserve to be treated like dirt.", "Not all {g} are the same.", "There is no reason to despise {g}.",
    "It's not true that {g} are {n}.", "It isn't a crime to be {a}.", "You're not {n} because you are {a}.",
    "{a} people are not {n}.", "Being {i} is not {n}.", "Being {a} does not make you {n}.",
    "I can't hate someone for being {a}.", "I can't imagine why anyone would hate {g}.",
    "We don't want to get rid of {g}.", "I didn't say that I dislike {g}.", "Never has a {a} person harmed me.",
    "Being {a} is no reason to be ashamed.",
)  # fmt: skip
REPORTED = (
    "Police are investigating an attack on {g}.", "A man was charged after he threatened to kill {g}.",
    "The court fined the company for refusing service to {g}.", "The mayor apologised for his remarks about {g}.",
    "A new law protects {g} from discrimination.", "The paper studies how {g} are shown on television.",
    "The agency counted more hate crimes against {g} this year.", "A {a} {job} was elected to the council on Tuesday.",
    "Two {a} men were hurt when a car hit their van, police said.",
    "The exhibition shows how {g} were persecuted in the last century.",
    "According to the report, {g} earn less than the average worker.",
    "In the 1930s, propaganda described {g} as dangerous.", "The party was criticised for claiming that {g} are {n}.",
    "Historians disagree about when {g} first settled in the valley.",
    "The term covers {g} and, in some countries, {g2}.", "{name}, a {a} {job}, won the regional award.",
    "The witness described the suspect as a young {a} man in a grey coat.",
    "Unemployment among {g} fell for the third year in a row.", "The minister met representatives of {g} in {nation}.",
    "The census recorded fewer {g} than ten years ago.", "The encyclopedia has an article on {g} in {nation}.",
    "{g} in {nation} marched for equal rights on Saturday.", "{faith} is one of the religions practised in {nation}.",
    "The lecture compares {faith} with other faiths.", "People from {nation} have lived here since the war.",
    "I was born in {nation} and moved here as a child.", "My family practises {faith}.",
    "The museum of {nation} holds letters written by {g}.", "Researchers asked {g} about sleep, diet and stress.",
    "The charity trains {g} to become electricians.",
    "The defendant had called {g} vermin in an earlier post, the court heard.",
)  # fmt: skip
FICTION = (
    "In the novel, the villain says that {g} are {n}, and nobody in the village agrees.",
    '"I never liked {g}," says the cruel landlord in chapter two, before the story proves him wrong.',
    "The play shows a father who despises {g} until his son brings one home.",
    "The film follows a {a} {job} who moves to a small town.",
    "In the last scene, {name}, who is {a}, forgives the man who insulted her.",
    'The author lets a bigot speak: "{g} are {n}." Then she takes him apart.',
    "The song tells of {g} who crossed the sea.", "My short story is about a {a} {job} and a talking cat.",
    "The detective, a {a} woman with a dry wit, solves the case.", "The comic mocks a man who is afraid of {g}.",
    "In the script the bully calls the {a} boy names, and the teacher steps in.",
    "The poem honours {g} who fell in the war.",
    'The narrator remembers a sign that read "no {g}", and how ashamed he felt.',
    "In this episode {name} learns that her friend is {a}.", "The series was praised for its portrait of {g}.",
    "The king in the tale banished {g}, and the kingdom withered.",
)  # fmt: skip
SURVEY = (
    "Do you agree or disagree: {g} are treated fairly at work?", "How often do you meet {g} in your daily life?",
    "On a scale from one to five, how comfortable are you around {g}?", "Do you identify as {a}?",
    "Would you describe yourself as {a}?", "What challenges do {g} face when they look for a flat?",
    "What do you think about the rights of {g}?", "Are {g} represented well in the media?",
    "Can you recommend books by {g}?", "What is the history of {g} in {nation}?",
    "How should a teacher respond when a pupil insults {g}?", "Which laws protect {g} from discrimination?",
    "Why do some people hate {g}?", "Why are {g} so often the target of abuse?",
    "Is it rude to ask somebody whether they are {a}?", "What is the polite word for {g}?", "Do {g} pay the same fee?",
    "Where did the stereotype about {g} come from?",
    "Question 7: have you seen hateful posts about {g} in the last month?", "Should {g} get the same pension?",
)  # fmt: skip
POLICY = (
    "We do not tolerate harassment of {g}.", "Our company hires people of every background, including {g}.",
    "Content that attacks {g} will be removed.", "Applications from {g} are encouraged.",
    "Staff must treat {g} with courtesy at all times.", "Members may not be excluded because they are {a}.",
    "Posts that call for violence against {g} break rule three.", "The school offers a support group for {g}.",
    "All visitors, including {g}, have access to the reading room.",
    "Anyone who denies service to {g} will face a warning.", "The scholarship is open to {g} under the age of thirty.",
    "Employers must make sure that {g} can work in safety.", "Our guidelines forbid generalisations about {g}.",
    "Tickets are free for {g} on Mondays.", "No one may be dismissed for being {a}.",
    "The council funds language courses for {g}.",
)  # fmt: skip
RECLAIMED = (
    "I'm a proud {o}.", "My fellow {s} and I are going to the parade.", "As a {o} myself, I use that word with love.",
    "We're {s}, and we took the word back.", "Happy birthday to my favourite {o}, from one {o} to another!",
    "I am a {o} and I'm beautiful.", "Us {s} have to stick together.",
    "They called me a {o}, so I put it on my t-shirt with pride.", "Call me a {o}, I own it.",
    "My sisters and I call each other {s}, and it makes us laugh.", "Proud {s} for equality, that's our band's name.",
    "I love us {s}.",
)  # fmt: skip
SLUR_MENTION = (
    'The word "{o}" is a slur.', "Please don't use the word {o}.", "He was suspended for calling a classmate a {o}.",
    '"{s}" is an offensive term for {sg}.', "Nobody should be called a {o}.",
    "I was called a {o} at school, and it still hurts.", 'Why is "{o}" considered offensive?',
    'The dictionary marks "{o}" as derogatory.', "You can't call people {s}.", 'We ban users who write "{s}".',
    "It's wrong to call {sg} {s}.", 'They shouted "{o}" at my friend, so I called the police.',
)  # fmt: skip
HOMONYM = (
    "The king found a chink in his enemy's armour.", "A chink of light came through the curtain.",
    "There was a chink in the wall, wide enough for a mouse.", "The dyke held back the sea during the storm.",
    "Workers repaired the dyke along the river.", "The farmers built dykes to drain the land.",
    "A volcanic dyke cuts across the old rock.", "The kitchen is spic and span.",
    "She likes everything spic and span before guests arrive.", "A Maine Coon is a large, gentle cat.",
    "Our two Maine coons sleep on the radiator.", "We keep coon cats and a dog.",
    "Gran made faggots with peas and gravy.", "Faggots and mash is on the menu today.",
    "The old woman carried a faggot of sticks on her back.", "He tied the twigs into a faggot for the fire.",
    "Frost can retard the growth of the seedlings.", "The coating retards fire.",
    "In music, ritardando tells the player to slow down.", "The strike will cripple the railway.",
    "Debt cripples small firms.", "High fuel prices crippled the airline.",
    "The tranny in my old van needs fresh oil.", "I listened to the match on an old tranny radio.",
    "The gypsy moth eats oak leaves.", "Have a cracker with your cheese.", "These crackers go well with soup.",
    "There's a nip in the air this morning.", "The puppy gave me a nip on the finger.",
    "What a queer little house, said the fox.", "The slope is too steep for beginners.",
    "She put a spade in the soil and dug.", "The jack of spades won the trick.",
    "A chinking sound came from the bag of coins.", "My bitch had six puppies last night, all healthy.",
    "The rooster, or cock, crows at dawn.",
)  # fmt: skip
PROFANE_GOOD = (
    "I fucking love {g}.", "Fucking love {g}, they rock.", "{g} are fucking amazing.", "{g} are fucking {k}.",
    "{g} are the shit!", "I'm so fucking proud to be {a}.", "Hell yes, I'm {a} and I fucking love it.",
    "Holy shit, {g} won the cup!", "Damn, {g} are fucking {k}.", "My {a} friend is fucking {k}.",
    "Fuck yeah, equal rights for {g}!", "Fuck, I love being {a}.", "{name} is {a} and a fucking {k} {job}.",
    "No shit, {g} work bloody hard, respect.", "Fuck me, those {g} can sing!",
)  # fmt: skip
PROFANE_NONE = (
    "Fuck, I'm late.", "Shit, I forgot my keys.", "What a fucking great day.", "This cake is fucking delicious.",
    "Holy shit, that was close!", "Oh fuck, it's raining again.", "I'm so fucking happy right now.", "Shit happens.",
    "Fuck yes, we won!", "That's some good shit.", "Where the fuck did I park?",
    "You are fucking brilliant, thank you!", "It's fucking cold outside.", "I don't give a shit about football.",
    "Well, shit. The oven is broken.", "Best fucking concert of my life.", "fuck it, let's dance",
    "Fuck this, I'm going to bed.",
)  # fmt: skip

# Told of violence that happened, or spelling a slur out: what moderators still disagree on stays open.
VIOLENT = {label: 0.0 for label in NOTHING if label != "violence"}
SPELLED = {label: 0.0 for label in NOTHING if label not in ("toxicity", "obscene")}
PROFANE = {**SPELLED, "obscene": 1.0}
FAMILIES = (
    ("fair_one", NEUTRAL_ONE, NOTHING, 16),
    ("fair_many", NEUTRAL_MANY, NOTHING, 15),
    ("fair_positive", POSITIVE, NOTHING, 14),
    ("fair_negated", NEGATED, NOTHING, 13),
    ("fair_quoted", QUOTED, VIOLENT, 13),
    ("fair_referred", REFERRED, NOTHING, 13),
    ("fair_reported", REPORTED, VIOLENT, 12),
    ("fair_fiction", FICTION, NOTHING, 10),
    ("fair_survey", SURVEY, NOTHING, 12),
    ("fair_policy", POLICY, NOTHING, 12),
    ("fair_refusal", REFUSAL, NOTHING, 12),
    ("fair_balanced", BALANCED, NOTHING, 11),
    ("fair_reclaimed", RECLAIMED, SPELLED, 7),
    ("fair_slur_mention", SLUR_MENTION, SPELLED, 7),
    ("fair_homonym", HOMONYM, NOTHING, 1),
    ("fair_profane_praise", PROFANE_GOOD, PROFANE, 12),
    ("fair_profane_alone", PROFANE_NONE, PROFANE, 1),
    ("fair_suffering", SUFFERING, VIOLENT, 12),
    ("fair_denounced", DENOUNCED, VIOLENT, 12),
)


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """Every harmless family, about 5,000 sentences."""
    for family, templates, known, most in FAMILIES:
        for template in templates:
            slurs = [("", "", "")] if "{sg}" not in template else SLURS
            for many, one, whom in slurs:
                yield from worded(
                    rng,
                    filled(
                        rng, family, [template], known, most if not whom else 1,
                        g=GROUPS, g2=GROUPS, a=ADJECTIVES, b=ADJECTIVES, i=ADJECTIVES[:29], n=NASTY, k=NICE, k2=NICE,
                        name=NAMES, job=OCCUPATIONS, nation=NATIONS, faith=RELIGIONS, sg=[whom],
                        s=[many] if whom else [s for s, _, _ in SLURS],
                        o=[one] if whom else [o for _, o, _ in SLURS],
                    ),
                )  # fmt: skip
