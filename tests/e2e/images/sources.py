"""Where the contents of an image come from: Go modules, Debian packages or PyPI wheels, by their ordinary clients.

A source is a frozen value. ``make`` writes files into a folder and says what they were made of; the same value gives
the same files, apart from what the registries themselves have changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

REPOSITORY = Path(__file__).resolve().parents[3]
JOBS = int(os.environ.get("OBSCTL_E2E_JOBS") or os.cpu_count() or 1)
_STEP_SECONDS = 3600
_BUILDER = "go.opentelemetry.io/collector/cmd/builder"
_COMPONENT = re.compile(r"^\s*- gomod: \S*/(?P<component>\S+) (?P<version>v\S+)$", re.MULTILINE)


class BuildError(Exception):
    """An image cannot be made here; one sentence, the end of the failed command's output, and what to do."""


@dataclass(frozen=True)
class Work:
    """A folder to work in, and the file that what the tools say goes to."""

    folder: Path
    log: Path

    def run(self, *command: str | Path, env: Mapping[str, str] | None = None) -> str:
        """Run a command politely; its standard output. ``BuildError`` with the end of the log when it fails."""
        argv = ["nice", "-n", "19", *map(str, command)]
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(argv)}\n")
            log.flush()
            done = subprocess.run(
                argv, cwd=self.folder, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=log, timeout=_STEP_SECONDS, check=False,
            )  # fmt: skip
            log.write(done.stdout)
        if done.returncode:
            end = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            raise BuildError(f"{command[0]} ended with {done.returncode}; the end of {self.log}:\n{end}")
        return done.stdout


class Source(Protocol):
    """What an image's files are made from."""

    def inputs(self) -> Sequence[str]:
        """What the outcome depends on besides the value itself."""
        ...

    def make(self, into: Path, work: Work) -> str:
        """Write the files; gives what they were made of."""
        ...


@dataclass(frozen=True)
class GoPrograms:
    """Programs of one Go module. ``versions`` are asked for in order; the first that the proxy serves is built.

    ``programs`` maps the name of a file to the package it is built from, relative to the module. ``stubs`` are files,
    by path, that the module embeds but leaves out of its package; ``stamp`` are values for the variables in which a
    program keeps its version.
    """

    module: str
    versions: tuple[str, ...]
    programs: Mapping[str, str]
    tags: tuple[str, ...] = ()
    stubs: Mapping[str, str] = field(default_factory=dict)
    stamp: Mapping[str, str] = field(default_factory=dict)

    def inputs(self) -> Sequence[str]:
        """The machine's kind."""
        return (platform.machine(),)

    def make(self, into: Path, work: Work) -> str:
        """Static binaries, without symbols, with the dependencies that the module itself pins."""
        _need("go", "the Go toolchain")
        version, package = self._fetch(work)
        # In a copy, for the module cache must stay as it is.
        copy = Work(work.folder / "module", work.log)
        shutil.copytree(package, copy.folder, copy_function=shutil.copyfile)
        for path, text in self.stubs.items():
            (copy.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (copy.folder / path).write_text(text)
        stamps = "".join(f" -X {name}={value}" for name, value in self.stamp.items())
        options = ["-trimpath", f"-ldflags=-s -w{stamps}"]
        options += [f"-tags={','.join(self.tags)}"] if self.tags else []
        for name, path in self.programs.items():
            copy.run("go", "build", *options, "-o", into / name, f"./{path}", env=_go())
        return f"Go module {self.module}@{version} ({', '.join(self.programs.values())})"

    def _fetch(self, work: Work) -> tuple[str, Path]:
        """The version that is served, and the folder with its files."""
        for version in self.versions:
            try:
                answer = work.run("go", "mod", "download", "-json", f"{self.module}@{version}", env=_go())
            except BuildError:
                if version == self.versions[-1]:
                    raise
            else:
                return version, Path(json.loads(answer)["Dir"])
        raise BuildError(f"no version of {self.module} is given.")


@dataclass(frozen=True)
class Collector:
    """A collector assembled by the OpenTelemetry Collector Builder. ``manifest`` lies in the recipe's folder."""

    manifest: Path = field(repr=False)  # what it says counts, not where this checkout is
    builder: str
    program: str

    def inputs(self) -> Sequence[str]:
        """The manifest, and the machine's kind."""
        return (self.manifest.read_text(), platform.machine())

    def make(self, into: Path, work: Work) -> str:
        """One static binary."""
        _need("go", "the Go toolchain")
        work.run("go", "install", f"{_BUILDER}@{self.builder}", env={**_go(), "GOBIN": str(work.folder / "bin")})
        work.run(work.folder / "bin" / "builder", "--config", self.manifest, "--skip-strict-versioning", env=_go())
        shutil.copy2(work.folder / "out" / self.program, into / self.program)
        components = [found["component"] for found in _COMPONENT.finditer(self.manifest.read_text())]
        return f"Go modules by {_BUILDER}@{self.builder} ({', '.join(components)})"


@dataclass(frozen=True)
class DebianRoot:
    """The root of a minimal Debian with some packages, as ``root.tar``.

    ``certificates`` adds those of this machine, for a base image in which ``pip`` has to reach the same index that this
    machine reaches. ``programs`` are laid beside it, to be run here, too.
    """

    suite: str
    packages: tuple[str, ...]
    certificates: bool = False
    programs: tuple[str, ...] = ()

    def inputs(self) -> Sequence[str]:
        """The machine's kind and, where they go in, its certificates."""
        return (platform.machine(), _certificates().read_text() if self.certificates else "")

    def make(self, into: Path, work: Work) -> str:
        """A tar with owners and modes."""
        _need("mmdebstrap", "Debian's mmdebstrap")
        found = work.folder / "packages.txt"
        hooks = [f"copy-in {_certificates()} /etc/ssl/certs"] if self.certificates else []
        hooks += [f"copy-out {program} {into}" for program in self.programs]
        query = f"""chroot "$1" dpkg-query -W -f '${{Package}} ${{Version}}, ' {" ".join(self.packages)}"""
        hooks.append(f"{query} > {shlex.quote(str(found))}")
        options = [*(f"--customize-hook={hook}" for hook in hooks), f"--include={','.join(self.packages)}"]
        work.run("mmdebstrap", *_DEBSTRAP, *options, self.suite, into / "root.tar")
        return f"Debian {self.suite} ({found.read_text().strip(', ')})"


_DEBSTRAP = (
    "--variant=essential",
    # Testing's index is valid for a week only. An older mirror is good enough here; signatures are still verified.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    *(f"--dpkgopt=path-exclude=/usr/share/{kind}/*" for kind in ("doc", "man", "locale", "info")),
)


@dataclass(frozen=True)
class Wheels:
    """Wheels from PyPI for a Python that need not be this one, in a folder ``lib``; pinned by ``constraints.txt``."""

    python: str
    names: tuple[str, ...]
    constraints: Path = field(default=REPOSITORY / "constraints.txt", repr=False)

    def inputs(self) -> Sequence[str]:
        """The pins, and the machine's kind."""
        return (self.constraints.read_text(), platform.machine())

    def make(self, into: Path, work: Work) -> str:
        """A folder to put on ``PYTHONPATH``."""
        wanted = ["--only-binary=:all:", "--python-version", self.python, "--constraint", str(self.constraints)]
        work.run(
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--target",
            into / "lib",
            *wanted,
            *self.names,
        )
        return f"Python here, with PyPI's {', '.join(self.names)}"


def digest(*texts: str) -> str:
    """A short name for some texts."""
    whole = hashlib.sha256()
    for text in texts:
        whole.update(f"{len(text)}:{text}".encode())
    return whole.hexdigest()[:16]


def _go() -> dict[str, str]:
    """Static and reproducible, with this machine's own toolchain and as few cores as was said."""
    return {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",  # the module's own, where it brings one, names modules that are not in its package
        "GOMAXPROCS": str(JOBS),
        "GOFLAGS": f"-p={JOBS} -modcacherw",
    }


def _need(program: str, what: str) -> None:
    if not shutil.which(program):
        raise BuildError(f"{program} not found; install {what}.")


def _certificates() -> Path:
    return Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")
