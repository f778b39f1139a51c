"""The words the written sentences are about: people in protected groups and out of them, things, jobs and names."""

from __future__ import annotations

# People as groups, in the plural.
GROUPS = (
    "gay people", "queer people", "lesbians", "bisexuals", "trans women", "trans men", "transgender people",
    "nonbinary people", "straight people", "gay men", "women", "men", "girls", "boys", "feminists", "black people",
    "white people", "Asians", "Latinos", "Hispanics", "Arabs", "Native Americans", "Aboriginal Australians",
    "Roma people", "brown people", "black women", "white men", "Asian women", "Muslims", "Jews", "Christians",
    "Catholics", "Hindus", "Sikhs", "Buddhists", "Mormons", "atheists", "Jehovah's Witnesses", "Protestants",
    "Muslim women", "immigrants", "refugees", "asylum seekers", "migrants", "foreigners", "Mexicans", "Chinese people",
    "Indians", "Pakistanis", "Africans", "Nigerians", "Somalis", "Syrians", "Turks", "Russians", "Poles", "Romanians",
    "Filipinos", "Americans", "Canadians", "Germans", "Israelis", "Palestinians", "disabled people", "deaf people",
    "blind people", "wheelchair users", "autistic people", "people with Down syndrome", "people with mental illness",
    "epileptics", "old people", "elderly people", "young people", "teenagers", "millennials", "poor people",
    "homeless people", "single mothers", "fat people",
)  # fmt: skip
# Said of one person.
ADJECTIVES = (
    "gay", "queer", "lesbian", "bisexual", "transgender", "trans", "nonbinary", "straight", "heterosexual",
    "homosexual", "black", "white", "brown", "Asian", "Latina", "Latino", "Hispanic", "Arab", "Native American",
    "Aboriginal", "Roma", "mixed-race", "Jewish", "Muslim", "Christian", "Catholic", "Protestant", "Sikh", "Hindu",
    "Buddhist", "Mormon", "atheist", "blind", "deaf", "paralysed", "disabled", "autistic", "epileptic", "dyslexic",
    "old", "young", "elderly", "middle-aged", "teenage", "American", "Canadian", "Mexican", "Chinese", "Japanese",
    "Korean", "Indian", "Pakistani", "African", "Nigerian", "Somali", "Syrian", "Turkish", "Russian", "Polish",
    "Romanian", "German", "Israeli", "Palestinian", "European", "Brazilian", "Filipino", "poor", "homeless", "foreign",
    "Ukrainian", "male", "female", "short", "overweight",
)  # fmt: skip
# Countries and regions.
NATIONS = (
    "Mexico", "China", "India", "Pakistan", "Nigeria", "Somalia", "Syria", "Turkey", "Russia", "Poland", "Romania",
    "Germany", "Israel", "Palestine", "Brazil", "Japan", "Korea", "Kenya", "Morocco", "Canada", "America", "France",
    "Iran", "Cuba", "Vietnam",
)  # fmt: skip
# Faiths.
RELIGIONS = (
    "Islam", "Judaism", "Christianity", "Hinduism", "Buddhism", "Sikhism", "Catholicism", "Atheism",
)  # fmt: skip
# Groups that no protected trait defines.
OTHERS = (
    "artists", "bankers", "politicians", "landlords", "Apple fans", "capitalists", "liberals", "conservatives",
    "communists", "socialists", "doctors", "gamers", "cyclists", "lawyers", "journalists", "estate agents",
    "football fans", "vegans", "hipsters", "influencers", "managers", "bus drivers", "teachers", "accountants",
    "programmers", "Android users", "car dealers", "telemarketers", "referees", "economists", "billionaires",
    "students", "smokers", "dog owners", "tourists", "poets", "plumbers", "scientists", "celebrities",
    "environmentalists", "hunters", "engineers", "consultants",
)  # fmt: skip
# What nobody can offend; all take a singular verb.
THINGS = (
    "this printer", "broccoli", "my phone", "this film", "the weather", "homework", "Monday", "winter",
    "the new update", "this song", "traffic", "coriander", "the bus", "this keyboard", "algebra", "instant coffee",
    "my old laptop", "the ending of that book", "this app", "paperwork", "the rain", "that restaurant",
    "the office chair", "this game", "decaf", "the dishwasher", "spam", "this recipe", "the wifi here", "autocorrect",
    "my commute", "the alarm clock", "this password rule", "the queue", "that sofa", "washing up", "the final level",
    "cold soup", "jet lag", "the tax form",
)  # fmt: skip
# Jobs held by one person.
OCCUPATIONS = (
    "teacher", "nurse", "doctor", "plumber", "engineer", "farmer", "lawyer", "pilot", "baker", "chef", "dentist",
    "painter", "poet", "librarian", "bus driver", "accountant", "scientist", "carpenter", "electrician", "journalist",
    "musician", "actor", "tailor", "firefighter", "programmer", "gardener", "mechanic", "waiter", "cashier", "judge",
    "midwife", "architect", "translator", "photographer", "pharmacist", "cleaner", "postal worker", "shop owner",
    "footballer", "student",
)  # fmt: skip
# First names.
NAMES = (
    "Maria", "Ahmed", "Sarah", "David", "Wei", "Priya", "Kofi", "Anna", "Carlos", "Fatima", "James", "Olga", "Yuki",
    "Leila", "Tom", "Grace", "Ivan", "Amina", "Peter", "Rosa", "Daniel", "Mei", "Sam", "Noah", "Ingrid", "Ravi",
    "Chloe", "Omar", "Lucy", "Jamal",
)  # fmt: skip
# Nouns for one person, whom an adjective can precede.
MEMBERS = (
    "person", "friend", "neighbour", "colleague", "man", "woman",
)  # fmt: skip
# Adjectives that insult.
NASTY = (
    "disgusting", "worthless", "pathetic", "stupid", "filthy", "vile", "repulsive", "useless", "ugly", "dumb",
    "horrible", "revolting", "despicable", "idiotic", "loathsome", "nasty", "rotten", "contemptible", "awful", "evil",
)  # fmt: skip
# Adjectives that praise; as many as there are in NASTY.
NICE = (
    "kind", "great", "wonderful", "lovely", "smart", "delightful", "generous", "brilliant", "friendly", "amazing",
    "honest", "funny", "gentle", "clever", "talented", "beautiful", "thoughtful", "brave", "good", "charming",
)  # fmt: skip
# Plural and singular of a slur, and whom it attacks: just enough for attack, reclaimed use and homonym to differ.
SLURS = (
    ("faggots", "faggot", "gay people"), ("dykes", "dyke", "lesbians"), ("trannies", "tranny", "transgender people"),
    ("retards", "retard", "disabled people"), ("cripples", "cripple", "disabled people"), ("kikes", "kike", "Jews"),
    ("chinks", "chink", "Chinese people"), ("spics", "spic", "Hispanics"), ("wetbacks", "wetback", "Mexicans"),
    ("ragheads", "raghead", "Arabs"), ("pakis", "paki", "Pakistanis"), ("coons", "coon", "black people"),
)  # fmt: skip
