"""How personal data looks in text. Patterns err towards finding; what they cannot tell is said where they are used."""

from __future__ import annotations

import re
from collections.abc import Mapping

TOKEN = re.compile(r"[0-9a-f]{32}")

_EMAIL = r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+\.[^\W\d_]{2,}"

# International numbers; North American groups of 3-3-4; numbers with a trunk zero in two or three groups. Not part of a
# longer word or id: a UUID has digit groups too.
_PHONE = (
    r"(?<![\w.+-])(?:"
    r"(?:\+|00)[1-9]\d{0,2}(?:[\s./-]?\(?\d{1,5}\)?){2,6}"
    r"|\(?\d{3}\)?[\s.-]\d{3}[\s.-]\d{4}"
    r"|\(?0\d{2,5}\)?[\s./-]\d{2,4}(?:[\s.-]?\d{2,4}){1,3}"
    r")(?![\w-])"
)

# Given names common in many countries. Words that are also trades, months, places, products or roles in interview
# and source names (Grace, Mark, Will, Art, Austin, Max, Rose, Chase, Taylor) are left out.
_GIVEN_NAMES = """
Aaron Abdul Abigail Adam Adele Adil Aditya Adrian Adriana Agnes Agnieszka Agus Ahmed Aiko Aino Aisha Akira Alan Alba
Albert Alejandro Aleksandra Alessandro Alexander Alexandra Alfred Ali Alice Alicia Alison Amanda Amani Amara Amelia
Amina Amir Amit Amy Ana Ananya Anders Andrea Andreas Andrew Andriy Andrzej Angela Anika Anita Anja Anjali Ann Anna
Anne Annika Anouk Anthony Antoine Antonio Antti Aoife Arjun Arthur Asha Ashley Astrid Ayo Barbara Beatrice Beatriz
Bela Benjamin Bernard Bianca Birgit Bjorn Bogdan Bohdan Brandon Brenda Brian Bruno Budi Camila Camille Carla Carlos
Carmen Carol Caroline Catherine Cecilia Charles Charlotte Chen Chidi Chloe Chloé Christian Christina Christine
Christopher Ciaran Claire Clara Claudia Cosima Cristina Cynthia Dalia Daniel Daniela Danielle Dario David Davor
Deborah Deepak Denise Deniz Dennis Devi Diana Diego Dilan Dimitri Divya Dmitri Dominik Donald Donna Dorothy Edda
Eduardo Edward Eero Elena Eleni Elif Elizabeth Emeka Emily Emma Emre Eoin Eric Erik Esther Eva Evelyn Fatima Fatou
Felix Fenna Fernando Finn Fiona Florian Florin Francesca Francesco Francisco Francois Frank François Freya Gabor
Gabriel Gabriela George Gerhard Giovanni Gita Giulia Giuseppe Gloria Goran Greta Guadalupe Guillermo Gunnar Gustavo
Hamza Hana Hanna Hannah Hans Haruka Hassan Heather Hedda Heinrich Helen Helena Helga Henrik Henry Hiroshi Hugo Hussein
Ibrahim Ida Ilse Imani Ines Ingrid Ioana Irina Isabel Isabella Isak Ivan Ivana Jaan Jack Jacob Jacqueline Jakub Jalil
James Jana Jane Janet Jason Javier Jean Jeffrey Jelena Jennifer Jens Jeremy Jessica Jing Joan Joanna Joao Joaquin
Johan Johanna Johannes John Jonas Jonathan Jorge Jose Joseph Joshua José João Juan Judith Julia Julian Juliana Julie
Justin Kai Kaisa Kamala Karen Karim Karin Karl Katarzyna Katharina Katherine Kathleen Katja Kavita Keiko Keith Kelly
Kenji Kenneth Kevin Khadija Khalid Kimberly Klaus Kofi Krzysztof Kwame Larry Lars Laszlo Laura Lauren Layla Leif Leila
Lena Leon Leonardo Liam Lin Linda Linh Lisa Livia Luca Lucas Lucia Lucía Luis Luiz Lukas Magdalena Maja Malik Manish
Manuel Mara Marco Marek Margaret Maria Mariam Marie Mario Markus Marta Martin Martina Mary María Mateo Matias Matthew
Matthias Megan Mehmet Mei Melanie Melissa Mia Michael Michelle Miguel Mihai Mikhail Mikko Mila Mina Minh Miro Mohamed
Mohammed Monica Monika Muhammad Mustafa Nadia Naledi Nancy Naoko Natalia Natalie Natasha Nathan Neha Ngozi Nia Niamh
Nicholas Nicolas Nicole Nikola Nils Noah Noor Nuria Oda Oksana Olga Oliver Olivia Omar Oscar Oskar Osman Pablo Paloma
Pamela Patricia Patrick Paul Paula Paulo Pavel Pedro Pekka Peter Petra Philip Philippe Pierre Pilar Piotr Pooja Priya
Putri Quentin Rachel Rafael Rahul Raj Rajesh Ramona Rania Raphael Ravi Raymond Rebecca Renée Rhys Ricardo Richard
Robert Roberto Rohan Rosa Ruben Ruth Ryan Saanvi Salma Samantha Sami Samuel Sandeep Sandra Sanjay Sanna Santiago Sara
Sarah Scott Sean Sebastian Selma Sergei Sergio Sharon Shirley Signe Sigrid Simon Simone Siobhan Sipho Siti Sofia
Sophia Sophie Soren Stefan Stefanie Stephanie Stephen Steven Sunita Suresh Susan Susanne Svetlana Takashi Tamar Tamara
Tanja Tariq Tatiana Teresa Tessa Thabo Theresa Thiago Thomas Thuy Timothy Tomas Tomasz Tony Tove Ulrike Uma Ursula
Valentina Valeria Vanessa Vera Veronica Victoria Vijay Vikram Viktor Vincent Vivek Vladimir Walter Wanda Wanjiru Wei
Werner William Wolfgang Xavier Xenia Ximena Yara Yasmin Youssef Yuki Yusuf Yvonne Zadie Zainab Zanele Zelda Zoe Zoran
Zuzana
"""

_SURNAME = r"(?:(?:van|von|de|der|den|da|di|del|la|le|al|el|bin|ibn|O['’]|Mc|Mac)[\s-]?)*[^\W\d_a-zß-ÿ][^\W\d_]+"
_GIVEN = "(?:" + "|".join(sorted(set(_GIVEN_NAMES.split()))) + ")"
_PERSON_NAME = (
    # Given name, perhaps a middle initial, then a capitalised word; or "Surname, Given"; or a form of address.
    rf"(?<![\w-]){_GIVEN}(?:-{_GIVEN})?\s+(?:[^\W\d_a-zß-ÿ]\.?\s+)?{_SURNAME}(?!\w)"
    rf"|(?<![\w-]){_SURNAME},\s*{_GIVEN}(?!\w)"
    rf"|(?<![\w-])(?:Mr|Mrs|Ms|Mx|Dr|Prof|Herr|Frau|Mme|Monsieur|Madame)\.?\s+{_SURNAME}(?!\w)"
)

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(_EMAIL),
    "phone": re.compile(_PHONE),
    "person_name": re.compile(_PERSON_NAME),
    # Anything that is not wholly a token.
    "not_a_token": re.compile(r"^(?!" + TOKEN.pattern + r"\Z)"),
}

_LABEL = re.compile(r"[^\W_](?:[^\W_]|[ &/'’+-]){0,39}")
_GIVEN_WORD = re.compile(rf"\b{_GIVEN}\b", re.IGNORECASE)
_LABEL_WORDS = 5


def is_label(text: str) -> bool:
    """Whether a text reads as the label of a rating scale: a few words, none of them a given name.

    >>> [is_label(text) for text in ("Greatly exceeds expectations", "Petra did well", "see comment: 4, then 5")]
    [True, False, False]
    """
    is_short = _LABEL.fullmatch(text) is not None and len(text.split()) <= _LABEL_WORDS
    return is_short and not _GIVEN_WORD.search(text)
