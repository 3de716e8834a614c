"""PostgreSQL: the sample's database."""

from __future__ import annotations

from obsctl.backends.base import DATA_NETWORK, Backend, ConfigVariant

# No password: nothing is published, and the network it is in has the sample's processes alone.
_ENVIRONMENT = {"POSTGRES_USER": "sample", "POSTGRES_DB": "sample", "POSTGRES_HOST_AUTH_METHOD": "trust"}
_TMPFS = ("/tmp", "/var/run/postgresql")  # noqa: S108 - inside a container
_HEALTH = ("CMD", "pg_isready", "--quiet", "--host=127.0.0.1", "--username=sample", "--dbname=sample")


def _variant(data: str) -> ConfigVariant:
    return ConfigVariant(
        user="999:999",
        memory=256,
        environment=_ENVIRONMENT,
        volumes={"postgres-data": data},
        tmpfs=_TMPFS,
        health=_HEALTH,
    )


POSTGRES = Backend(
    name="postgres",
    purpose="The sample's database.",
    when={"sample": "yes"},
    networks=(DATA_NETWORK,),
    variants={
        "9": _variant("/var/lib/postgresql/data"),
        "18": _variant("/var/lib/postgresql"),  # since 18 the data is in a folder per version below this
    },
)
