"""Words the pretend company is made of: invented people, titles, departments, sources, reasons."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Adil Aiko Alba Amara Amir Anders Anika Anouk Arjun Asha Astrid Ayo Beatriz Bela Bjorn Bruno Camille Carmen "
    "Chidi Chloé Clara Cosima Dalia Dario Davor Deniz Devi Diego Dilan Edda Eduardo Eero Elif Elena Eluned Emeka "
    "Esther Fatou Fenna Finn Florin Freya Gabor Gita Goran Greta Hana Hamza Hedda Henrik Hugo Ibrahim Ida Ilse "
    "Imani Ines Ingrid Isak Ivana Jaan Jalil Jana Javier Jonas José Jun Kai Kamala Karim Katja Keiko Kofi Lars "
    "Laszlo Leila Lena Liam Lin Livia Luca Lucía Maja Malik Mara Marek Marta Mateo Mei Mila Mina Miro Nadia Naledi "
    "Nia Nils Noor Nuria Oda Olga Omar Oskar Paloma Pavel Petra Pilar Priya Quentin Rafael Ramona Rania Ravi Renée "
    "Rhys Rosa Ruben Saanvi Sami Sanna Selma Sergio Signe Simone Sofia Soren Suda Tamar Tariq Tessa Thabo Tomas "
    "Tove Uma Valeria Vera Viktor Wanda Wei Xenia Yara Yusuf Zadie Zelda Zoran Zuzana "
)

LAST_NAMES = _words(
    "Abara Achterberg Adeyemi Ahlgren Almeida Andersen Aoki Arslan Asante Bakker Balogun Banerjee Barros Becker "
    "Benitez Bergström Bianchi Blom Boateng Bondar Brandt Brennan Cabral Calloway Carvalho Castell Chaudhry Chen "
    "Cho Cooke Correa Dahl Danjuma Das Delacroix Demir Dhar Diallo Dimitrov Dogan Duarte Eberhardt Egede Eklund "
    "Engel Eriksen Fabre Farah Farkas Ferreira Fielding Fischer Fontaine Forsberg Fujita Gallo Garcia Gebre Ghosh "
    "Girard Gomes Gruber Guerra Haddad Halvorsen Hartmann Hashimoto Hoffmann Holm Horvat Hughes Ibáñez Iliev Inoue "
    "Ito Jansen Jensen Joshi Juhasz Kaplan Karlsson Kaya Keller Khalil Kim Kovac Kowalski Kraus Kumar Lacroix Laine "
    "Larsen Lehmann Lemaire Lindqvist Lopes Lund Maas Madsen Mahlangu Marchetti Marino Mbeki Mendes Meyer Mishra "
    "Molnar Mori Moreau Murphy Mwangi Nair Nakamura Ndiaye Nielsen Novak Nwosu Oduya Okafor Okoro Oliveira Olsen "
    "Osei Park Patel Pereira Petrov Pham Pinto Popescu Prasad Quist Rahman Ramos Rao Reyes Ricci Rossi Roux Sahin "
    "Salazar Sandoval Santos Sato Schreiber Sharma Silva Singh Sokolov Solberg Stavros Strand Suarez Suzuki Szabo "
    "Takeda Tamm Tanaka Teixeira Thorne Toth Traore Tran Ueda Vance Varga Vasquez Vega Vermeer Vidal Virtanen Vogel "
    "Wagner Walsh Weber Wójcik Wren Yamada Yilmaz Zhang Zhou Zimmer "
)

EMAIL_DOMAINS = (
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "post.example.org",
    "inbox.example.net",
)
WORK_DOMAIN = "northquay.example.com"

LEVELS = ("L1", "L2", "L3", "L4", "L5", "L6")
LEVEL_SHARES = (0.08, 0.30, 0.34, 0.19, 0.07, 0.02)
LEVEL_PREFIX = ("Junior ", "", "Senior ", "Staff ", "Principal ", "Distinguished ")
FAMILY_TITLE = {
    "engineering": "Software Engineer",
    "data": "Data Scientist",
    "product": "Product Manager",
    "design": "Product Designer",
    "sales": "Account Executive",
    "people": "Talent Partner",
}
DEPARTMENTS = {
    "engineering": "Engineering",
    "data": "Data",
    "product": "Product",
    "design": "Design",
    "sales": "Sales",
    "people": "People & Talent",
}
DIVISIONS = {"engineering": "Technology", "data": "Technology", "product": "Technology", "design": "Technology"}
LOCATIONS = ("Harbour Office", "Hillside Office", "Remote")

# (name, type id, type name)
SOURCES = (
    ("Company careers page", 1, "Company Marketing"),
    ("Job board", 2, "Third-party boards"),
    ("Professional network", 2, "Third-party boards"),
    ("Referral", 3, "Referrals"),
    ("Recruiter outreach", 4, "Prospecting"),
    ("University fair", 5, "Attend Events"),
    ("Agency", 6, "Agencies"),
)
SOURCE_SHARES = (0.30, 0.34, 0.14, 0.08, 0.08, 0.03, 0.03)

# (name, type id, type key, type name)
REJECTION_REASONS = (
    ("Lacking skill(s)/qualification(s)", 1, "WE_REJECTED_THEM", "We rejected them"),
    ("Hired another candidate", 1, "WE_REJECTED_THEM", "We rejected them"),
    ("Did not meet the bar in interviews", 1, "WE_REJECTED_THEM", "We rejected them"),
    ("Withdrew from the process", 2, "THEY_REJECTED_US", "They rejected us"),
    ("Declined offer - compensation", 2, "THEY_REJECTED_US", "They rejected us"),
    ("Declined offer - another company", 2, "THEY_REJECTED_US", "They rejected us"),
    ("Not specified", 3, "NONE_SPECIFIED", "None specified"),
)
CLOSE_REASONS = ("Hire - New Headcount", "Hire - Backfill", "Position cancelled")

TERMINATION_REASONS = {
    "Voluntary": ("Better opportunity", "Relocation", "Return to education", "Personal reasons"),
    "Involuntary": ("Performance", "Attendance", "Position eliminated"),
    "Other": ("End of contract",),
}

GENDERS = ("Male", "Female", "Decline To Self Identify")
GENDER_SHARES = (0.52, 0.38, 0.10)
RACES = (
    "White",
    "Asian",
    "Black or African American",
    "Hispanic or Latino",
    "Two or More Races",
    "Decline To Self Identify",
)
RACE_SHARES = (0.42, 0.20, 0.12, 0.10, 0.04, 0.12)
VETERAN = ("I am not a protected veteran", "I identify as one or more of the classifications of a protected veteran",
           "I don't wish to answer")  # fmt: skip
VETERAN_SHARES = (0.85, 0.03, 0.12)
DISABILITY = (
    "No, I do not have a disability",
    "Yes, I have a disability, or have had one in the past",
    "I do not want to answer",
)
DISABILITY_SHARES = (0.78, 0.05, 0.17)

RATING_LABELS = (
    "Does not meet expectations",
    "Partly meets expectations",
    "Meets expectations",
    "Exceeds expectations",
    "Far exceeds expectations",
)
# (body, free text, labels, is overall)
REVIEW_QUESTIONS = (
    ("Overall, how would you rate this person's performance in this cycle?", True, "|".join(RATING_LABELS), True),
    ("How well does this person work with others?", False, "|".join(RATING_LABELS), False),
    ("What should this person keep doing?", True, "", False),
)
