"""Redis or Valkey: the sample's queue and cache."""

from __future__ import annotations

from obsctl.backends.base import DATA_NETWORK, Backend, ConfigVariant

REDIS = Backend(
    name="redis",
    purpose="The sample's queue and cache.",
    when={"sample": "yes"},
    networks=(DATA_NETWORK,),
    variants={
        "6": ConfigVariant(
            user="999:1000",
            memory=192,
            # A queue must not lose entries: they are kept on disk, and a full memory refuses instead of evicting.
            command=("--appendonly", "yes", "--maxmemory", "128mb", "--maxmemory-policy", "noeviction"),
            volumes={"redis-data": "/data"},
            health=("CMD", "redis-cli", "ping"),
        ),
    },
)
