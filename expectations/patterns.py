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
Aaron Abdul Abigail Adam Adele Adrian Adriana Agnes Agnieszka Ahmed Aisha Alan Albert Alejandro Alessandro Alexander
Alexandra Alfred Ali Alice Alicia Alison Amanda Amelia Amina Amir Amit Amy Ana Anders Andrea Andreas Andrew Andrzej
Angela Anika Anita Anja Ann Anna Anne Annika Anthony Antoine Antonio Arjun Arthur Asha Ashley Astrid Barbara Beatrice
Beatriz Benjamin Bernard Bianca Birgit Bjorn Brandon Brenda Brian Bruno Camille Carla Carlos Carmen Carol Caroline
Catherine Cecilia Charles Charlotte Chen Chloe Chloé Christian Christina Christine Christopher Claire Clara Claudia
Cristina Cynthia Daniel Daniela Danielle David Deborah Deepak Deniz Denise Dennis Diana Diego Dimitri Dmitri Dominik
Donald Donna Dorothy Edward Elena Eleni Elif Elizabeth Emily Emma Emre Eric Erik Esther Eva Evelyn Fatima Felix
Fernando Fiona Florian Francesca Francesco Francisco Francois François Frank Fatou Gabriel Gabriela George Gerhard
Giovanni Giulia Giuseppe Gloria Greta Guillermo Gustavo Hanna Hannah Hans Heather Heinrich Helen Helena Helga Henrik
Henry Hiroshi Hugo Ibrahim Ida Ines Ingrid Irina Isabel Isabella Ivan Ivana Jack Jacob Jacqueline Jakub James Jana
Jane Janet Jason Javier Jean Jeffrey Jennifer Jens Jeremy Jessica Jing Joan Joanna Johan Johanna Johannes John Jonas
Jonathan Jorge José Jose Joseph Joshua Juan Judith Julia Julian Julie Justin Kamala Karen Karim Karin Karl Katarzyna
Katharina Katherine Kathleen Keiko Keith Kelly Kenji Kenneth Kevin Khalid Kimberly Klaus Kofi Krzysztof Lars Larry
Laura Lauren Leila Lena Leon Leonardo Linda Lisa Luca Lucas Lucia Lucía Luis Lukas Magdalena Manuel Marco Marek
Margaret Maria María Mariam Marie Mario Markus Marta Martin Martina Mary Mateo Matthew Matthias Megan Mehmet Mei
Melanie Melissa Mia Michael Michelle Miguel Mikhail Mina Mohamed Mohammed Monica Monika Muhammad Nadia Nancy Natalia
Natalie Natasha Nathan Nicholas Nicole Nicolas Nils Noah Noor Olga Olivia Oliver Omar Oscar Osman Pablo Pamela
Patricia Patrick Paul Paula Paulo Pavel Pedro Peter Petra Philip Philippe Pierre Pilar Piotr Priya Rachel Rafael Rahul
Raj Rajesh Ramona Raphael Ravi Raymond Rebecca Renée Ricardo Richard Robert Roberto Rosa Ruben Ruth Ryan Samantha
Samuel Sandra Sanjay Sara Sarah Scott Sean Sebastian Sergei Sergio Sharon Shirley Simon Simone Sofia Sophia Sophie
Stefan Stefanie Stephanie Stephen Steven Sunita Susan Susanne Suresh Svetlana Tamara Tanja Tariq Tatiana Teresa
Theresa Thomas Timothy Tomas Tomasz Tony Ulrike Uma Ursula Valentina Valeria Vanessa Vera Veronica Victoria Vijay
Vikram Viktor Vincent Vladimir Walter Wanda Wei Werner William Wolfgang Xavier Yasmin Yusuf Yuki Yvonne Zainab Zoe
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
