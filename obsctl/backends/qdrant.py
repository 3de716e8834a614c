"""Qdrant: the sample's vector store."""

from __future__ import annotations

from obsctl.backends.base import DATA_NETWORK, Backend, ConfigVariant

QDRANT = Backend(
    name="qdrant",
    purpose="The sample's vector store.",
    when={"sample": "yes"},
    networks=(DATA_NETWORK,),
    variants={
        "1.7": ConfigVariant(
            user="1000:1000",  # the user of the image's -unprivileged tags
            memory=512,
            environment={
                # It would write both beside its program, where nothing can be written.
                "QDRANT_INIT_FILE_PATH": "/qdrant/storage/.qdrant-initialized",
                "QDRANT__STORAGE__SNAPSHOTS_PATH": "/qdrant/storage/snapshots",
                "QDRANT__TELEMETRY_DISABLED": "true",
            },
            volumes={"qdrant-data": "/qdrant/storage"},
        ),
    },
)
