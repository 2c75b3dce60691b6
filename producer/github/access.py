"""Who asks: tokens, a GitHub App's installation, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from github import Auth
from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from contractline.errors import SettingInvalid
from contractline.project import Project
from contractline.settings import FILE, from_sources


@dataclass(frozen=True, slots=True)
class Credential:
    """One way to be known to GitHub.

    Attributes:
        name: what it is called in messages; never the secret.
        auth: what PyGithub sends; None for nobody.
    """

    name: str
    auth: Auth.Auth | None = None


class GitHubAccess(BaseSettings):
    """Secrets and addresses, each from the environment variable of its name in upper case.

    Attributes:
        github_token: one token.
        github_tokens: several tokens, with commas between them: a pool.
        github_app_id: a GitHub App's id.
        github_app_private_key: its private key as PEM, or the file that holds it.
        github_app_installation_id: where it is installed.
        github_api_url: the API's address; a GitHub Enterprise server's ends with ``/api/v3``.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    github_token: str | None = Field(default=None, repr=False)
    github_tokens: str | None = Field(default=None, repr=False)
    github_app_id: str | None = None
    github_app_private_key: str | None = Field(default=None, repr=False)
    github_app_installation_id: int | None = None
    github_api_url: str = "https://api.github.com"

    @classmethod
    def load(cls, project: Project) -> GitHubAccess:
        """Load what holds for a checkout: ``contractline.toml``, then the environment.

        Raises:
            SettingInvalid: a value or a file can't be used.
        """
        toml_file = project.root / FILE
        return from_sources(
            cls,
            lambda: EnvSettingsSource(cls),
            lambda: TomlConfigSettingsSource(cls, toml_file),
        )

    def credentials(self, token_file: Path | None = None) -> list[Credential]:
        """Return every way to be known, at least one.

        Args:
            token_file: holds more tokens, one a line.

        Raises:
            SettingInvalid: something is missing or can't be read.
        """
        tokens = _lines(token_file) if token_file else []
        tokens += [t for t in (self.github_tokens or "").split(",") if t.strip()]
        tokens += [self.github_token] if self.github_token else []
        tokens = list(dict.fromkeys(token.strip() for token in tokens))
        found = [
            Credential("the token" if len(tokens) == 1 else f"token {n} of {len(tokens)}", auth)
            for n, auth in enumerate((_token(token) for token in tokens), 1)
        ]
        if self.github_app_id:
            found.append(Credential(f"the App {self.github_app_id}", self._app()))
        return found or [Credential("nobody (no token)")]

    def _app(self) -> Auth.Auth:
        if not self.github_app_private_key or self.github_app_installation_id is None:
            raise SettingInvalid(
                "GITHUB_APP_ID",
                "needs GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID beside it",
            )
        key = self.github_app_private_key
        if "PRIVATE KEY" not in key:
            key = _text(Path(key), "GITHUB_APP_PRIVATE_KEY")
        app = Auth.AppAuth(str(self.github_app_id), key.replace("\\n", "\n"))
        try:
            app.create_jwt()
        except Exception as problem:  # jwt and cryptography have many classes for a bad key
            raise SettingInvalid(
                "GITHUB_APP_PRIVATE_KEY", f"can't sign: {type(problem).__name__}"
            ) from None
        return app.get_installation_auth(self.github_app_installation_id)


def _token(token: str) -> Auth.Auth:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingInvalid("GITHUB_TOKEN", "holds a character that no token has")
    return Auth.Token(token)


def _lines(file: Path) -> list[str]:
    lines = (line.strip() for line in _text(file, "--token-file").splitlines())
    tokens = [line for line in lines if line and not line.startswith("#")]
    if not tokens:
        raise SettingInvalid("--token-file", f"{file} holds no token")
    return tokens


def _text(file: Path, setting: str) -> str:
    try:
        return file.expanduser().read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingInvalid(setting, f"can't read {file}: {problem}") from problem
