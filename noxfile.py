"""The lanes of CONTRIBUTING.md as sessions: `nox -l` lists them, `nox -s fast` runs one."""

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.default_venv_backend = "uv|virtualenv"


def install(session: nox.Session, extras: str = "dev") -> None:
    """Install the checkout with these extras into the session's environment."""
    session.install("-e", f".[{extras}]")


@nox.session
def fast(session: nox.Session) -> None:
    """Run what answers within a minute."""
    install(session)
    session.run("pytest", "-m", "not slow and not gpu and not long", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the default suite, as the README does."""
    install(session)
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, types, and the contracts on imports."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation as a site; a link that leads nowhere fails."""
    install(session, "docs")
    session.run("mkdocs", "build", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def oldest(session: nox.Session) -> None:
    """Run what answers within a minute with the lowest versions that pyproject.toml allows."""
    wanted = nox.project.load_toml("pyproject.toml")["project"]["dependencies"]
    tools = ("hypothesis", "jsonschema", "orjson", "pytest", "pytest-timeout", "pytest-xdist", "hatchling")
    session.install(*(each.replace(">=", "==") for each in wanted), *tools)  # as `.ci/run` does
    session.install("--no-deps", "-e", ".")
    session.run(
        "pytest",
        "-m",
        "not slow and not gpu and not long",
        "--ignore=tests/test_layers.py",
        "--ignore=tests/test_architecture.py",
        *session.posargs,
    )


@nox.session
def slow(session: nox.Session) -> None:
    """Run kill points, power loss, flipped bits and giant files."""
    install(session)
    session.run("pytest", "-m", "slow and not client", "--timeout", "1800", *session.posargs)


@nox.session
def client(session: nox.Session) -> None:
    """Run end to end in the real Claude Code client (needs npm and tmux)."""
    install(session)
    session.run(
        "pytest", "-n", "2", "--dist", "loadfile", "-m", "client", "--timeout", "1800", *session.posargs
    )


@nox.session
def training(session: nox.Session) -> None:
    """Run the training experiments with PyTorch on a CPU."""
    session.install("torch==2.13.0")
    install(session, "dev,bench,ray")
    folders = "tests/experiments", "tests/evolve"
    session.run("pytest", "-n", "2", "-m", "not client and not gpu", "--timeout", "1200", *folders)


@nox.session
def bench(session: nox.Session) -> None:
    """Run one script of tests/bench: `nox -s bench -- compare BASE [FILE...]`."""
    install(session)
    name, *arguments = session.posargs or ["startup"]
    session.run("python", f"tests/bench/{name}.py", *arguments)


@nox.session
def picture(session: nox.Session) -> None:
    """Draw docs/architecture.svg from the imports as they are."""
    install(session)
    session.run("python", "docs/draw_architecture.py")
