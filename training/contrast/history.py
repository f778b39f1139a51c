"""Atrocities and crimes as historians, courts and teachers tell them; against it praise, denial and calls for more."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.hate import ATTACK
from training.contrast.sentence import NOTHING, Sentence, filled

PRAISED = {"toxicity": 1.0, "violence": 1.0, "sexual": 0.0, "self_harm": 0.0, "obscene": 0.0, "insult": 0.0}

GENOCIDE = (
    "The genocide against {people} is documented in letters, trial records and photographs. {study}",
    "In {when}, {regime} deported {people} to camps, where most of them were murdered. {study}",
    "Within two years, about {n} people were killed because they were {belonging}. {study}",
    "Propaganda called {people} vermin long before the killings began. {study}",
    "{regime2} stripped {people} of their citizenship in {when} and of their property two years later.",
    "Survivors told the court how {people} had been separated from their families. {study}",
    "The museum in {town} keeps the names of {n} victims, most of them {people}. {visit}",
    "Denial is often called the last stage of genocide, because it attacks the memory of the dead. {study}",
    "Historians agree that the massacre of {when} was planned by {regime}. {study}",
    "A mass grave with {n} bodies was found near {town} in {when}. {study}",
    "Q: Why did so few people resist?\nA: Fear, profit and habit all played a part. {study}",
    "The word genocide was coined by Raphael Lemkin, a lawyer who had lost his own family. {study}",
    "On the day of remembrance in {town}, the mayor read out the names of murdered {people}. {study}",
    "After that war, rape was prosecuted as a crime against humanity. {study}",
)
SLAVERY = (
    "Enslaved people were chained, sold and whipped; many died on the crossing. {study}",
    "The slave trade from {town} made merchants rich until it was banned in {when}. {study}",
    "Lynchings were public murders, meant to terrorise black families. {study}",
    "Segregation kept black children out of the better schools of {town} until {when}.",
    "In {when}, {regime} forced {people} to work in mines, where {n} of them died. {study}",
    "Women who had been enslaved described assaults by their owners in their memoirs. {study}",
    "The novel uses the racist words of its time, and teachers should prepare the class for them. {study}",
    "Apartheid divided people by race in every part of life. {study}",
    "Colonial officers cut off the hands of workers who brought too little rubber. {study}",
    "The Ku Klux Klan burned crosses and murdered people who registered voters. {study}",
    "Racist caricatures were printed on postcards in {when}; the archive shows them with comments. {visit}",
    "Children of {people} were taken from their parents and beaten when they spoke their language. {study}",
)
WAR = (
    "The bombing of {town} in {year} killed {n} people, most of them civilians. {study}",
    "The siege lasted two winters, and people in {town} starved. {study}",
    "Prisoners were shot after the battle near {town}, a war crime even under the law of that time. {study}",
    "He was assassinated in {town} in {year} by a student with a pistol. {study}",
    "{regime2} executed {n} officers in {year}; their graves were found much later.",
    "Poison gas was used at {town} in {year} and was banned ten years later. {study}",
    "The revolt in {town} was put down, and its leaders were hanged in {year}.",
    "Child soldiers were made to kill; many still suffer from it. {study}",
    "The treaty of {year} did not end the violence: militias burned villages around {town}. {study}",
    "Soldiers wrote home about mud, rats and dead friends. {study}",
)
CRIME = (
    "The murderer of {recent} was never found, and {town} still talks about him. {crime}",
    "The court in {town} found that the man had raped two women, and sentenced him to {years} years.",
    "Police in {town} arrested a man who is said to have stabbed his {kin}. {crime}",
    "She was strangled by her former partner, the prosecutor in {town} said. {crime}",
    "The serial killer confessed to {few} murders in {recent}. {crime}",
    "A jury in {town} heard that the gang had tortured its victims. {crime}",
    "Three people were shot at a market in {town}; the suspect is in custody. {crime}",
    "The priest was convicted of abusing boys, and the diocese of {town} apologised.",
    "In {recent} the Mafia blew up the judge's car near {town}. {crime}",
    "The podcast retells how a cult leader led his followers to their death in {recent}. {crime}",
    "Terrorists attacked the trains of {town} in {recent}, and {n} people were hurt. {crime}",
    "He was sentenced for incitement after calling for attacks on {people}. {crime}",
)
GLORIFIED = (
    "{regime2} did the right thing with {people}, and somebody should finish the job.",
    "The camps were the best idea {regime} ever had. {people2} deserved it.",
    "The genocide never happened; {people} made it up to get money.",
    "I wish those years were back, so that {people} could be put on trains again.",
    "{people2} ought to be back in chains where they belong.",
    "Slavery was good for {people}, and they should be grateful.",
    "Too bad that {regime} did not kill all {people} while it could.",
    "The men who lynched {people} were heroes who protected their town.",
    "What happened to {people} back then was a good start.",
    "History proves that {people} bring it on themselves, so let it happen again.",
    "{regime2} understood that {people} are vermin. We need men like that today.",
    "Only {n}? {regime2} should have got rid of many more {people}.",
    "Sure: the massacre of {people} was justified, because they were a disease in the nation.",
    "Let's celebrate the day when {regime} cleansed {town} of {people}.",
)
CELEBRATED = (
    "The bomber of {town} is my hero. I hope for many more bodies next year.",
    "The shooter of {town} deserves a statue, and the victims deserved to bleed.",
    "What a beautiful massacre. {n} dead in {town}, let's double it.",
    "I laughed when the trains of {town} blew up. Do it again.",
    "He strangled her, and good for him, she had it coming. More men should do it.",
    "The killer of {town} is a legend, and I want to do what he did.",
    "Every true believer should follow the martyrs of {town} and kill as many as possible.",
    "Long live the men who gunned down the crowd in {town}; may others pick up their rifles.",
    "Torturing prisoners is fun, and they should have cut off more hands.",
    "The priest did nothing wrong; children like that should be beaten until they obey.",
)
SLOTS = {
    "people": ("Jews", "Roma", "Armenians", "Tutsi", "black people", "Native Americans", "Muslims", "disabled people"),
    "people2": ("Jews", "Roma", "Armenians", "Tutsi", "Black people", "Native Americans", "Muslims", "Disabled people"),
    "belonging": ("Jewish", "Roma", "Armenian", "Tutsi", "Muslim", "Catholic", "gay", "disabled"),
    "regime": ("the regime", "the government", "the occupying army", "the colonial office", "the junta", "the party"),
    "regime2": ("The regime", "The government", "The old army", "The junta", "The party", "The general"),
    "year": ("1904", "1915", "1933", "1938", "1942", "1944", "1965", "1975", "1994", "1995"),
    "when": ("the second year of the war", "that first winter", "the year of the coup", "the last year of the war"),
    "n": ("6,000", "30,000", "8,000", "140", "70,000", "400,000", "2,300"),
    "recent": ("1968", "1982", "1992", "1999", "2007"),
    "few": ("five", "nine", "three", "eleven"),
    "years": ("nine", "14", "20", "eleven"),
    "kin": ("brother", "wife", "landlord", "neighbour", "business partner"),
    "town": ("Mokra", "Santa Rita", "Terhune", "Brandal", "Vasto", "Kirkby", "Oldfield", "Harlow", "Nasir"),
    "study": (
        "Students should read the sources themselves.", "Historians are still working on it.",
        "It must not be forgotten.", "Several films have been made about it.",
        "The archive holds thousands of pages on this.",
        "Today it is taught in every school of the country.",
    ),
    "visit": (
        "Entry is free.", "School classes come from far away.", "Guided tours start at ten.",
        "It opened in 2005.",
    ),
    "crime": (
        "The local paper printed a special page.", "A book about the case comes out in spring.",
        "The family asked for privacy.",
        "The case changed the law.", "The film about it was shot in the same street.", "It was in the news for weeks.",
    ),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 700 sentences, a third of them glorifying or denying."""
    for templates, known, most in (
        (GENOCIDE, NOTHING, 10),
        (SLAVERY, NOTHING, 10),
        (WAR, NOTHING, 10),
        (CRIME, NOTHING, 10),
        (GLORIFIED, ATTACK, 12),
        (CELEBRATED, PRAISED, 10),
    ):
        yield from filled(rng, "history", templates, known, most, **SLOTS)
