"""The people of generated commits: the users of the table in PostgreSQL, and some that nobody knows."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from faker import Faker

from contractline.errors import SettingInvalid

USERS_FILE = "seed_users.csv"
"""In connect/postgres: the rows with which public.github_users begins."""

STRANGERS = 14
STRANGERS_SHARE = 0.12
STRANGERS_DOMAINS = ("example.net", "example.org")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who commits.

    Attributes:
        name: as git has it; the user_name of the table, for its users.
        email: their address.
        login: their GitHub login; None when the address belongs to no account.
    """

    name: str
    email: str
    login: str | None

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


GITHUB = Person("GitHub", "noreply@github.com", "web-flow")
"""Who commits what is merged or edited on the site."""


def known_people(file: Path) -> list[Person]:
    """Return the users of the table.

    Raises:
        SettingInvalid: the file can't be read, or has no column user_name.
    """
    try:
        with file.open(encoding="utf-8", newline="") as rows:
            return [_user(row["user_name"]) for row in csv.DictReader(rows)]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise SettingInvalid(str(file), f"can't be read: {problem}") from problem
    except KeyError as problem:
        raise SettingInvalid(str(file), "has no column user_name") from problem


def _user(name: str) -> Person:
    words = name.lower().split()
    return Person(name, f"{'.'.join(words)}@example.com", "-".join(words))


class Crowd:
    """Chooses people: a few do most of the work, and about one commit in eight is a stranger's."""

    def __init__(self, known: list[Person], random: Random, faker: Faker) -> None:
        self._random = random
        strangers = [_stranger(faker, random) for _ in range(STRANGERS)]
        order = random.sample(known, len(known))
        self._people = [*order, *strangers]
        self._weights = [
            *_shares(len(order), 1 - STRANGERS_SHARE),
            *_shares(len(strangers), STRANGERS_SHARE),
        ]

    def one(self) -> Person:
        """Return somebody."""
        return self._random.choices(self._people, self._weights)[0]

    def others(self, person: Person, number: int) -> list[Person]:
        """Return some people beside one."""
        found = {self.one() for _ in range(number)} - {person}
        return sorted(found, key=lambda other: other.name)


def _stranger(faker: Faker, random: Random) -> Person:
    login = faker.user_name()
    address = f"{login}@{random.choice(STRANGERS_DOMAINS)}"
    return Person(faker.name(), address, login if random.random() < 0.6 else None)


def _shares(number: int, total: float) -> Iterator[float]:
    """Give shares of which each is about three quarters of the one before."""
    parts = [0.75**place for place in range(number)]
    return (total * part / sum(parts) for part in parts)
