"""The vector store: embeddings of CVs and projects in Qdrant, on a server or in its local mode.

qdrant-client takes most of a second to import, so it is loaded by ``warm`` in the background, or at the first use.
"""

from __future__ import annotations

import threading
import warnings
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING

from sample_service import telemetry
from sample_service.metrics import ClientMetrics

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

OPERATIONS = ("upsert", "query_points")
CVS = "cvs"
PROJECTS = "projects"
TIMEOUT_SECONDS = 3


class VectorStore:
    """Points are named by the UUID of what they stand for; nothing else about it is stored.

    Calls raise what qdrant-client raises; whoever runs a job treats that as a failed try.
    """

    def __init__(self, url: str, path: str, metrics: ClientMetrics) -> None:
        self._url = url
        self._path = path
        self._metrics = metrics
        self._lock = threading.Lock()
        self._known: set[str] = set()

    def warm(self) -> None:
        """Load the client library in a thread of its own."""
        threading.Thread(target=self._load, name="warm-vectors", daemon=True).start()

    def upsert(self, collection: str, point_id: str, vector: list[float]) -> None:
        """Store a vector, in place of an earlier one of that id."""
        client = self._load()
        self._ensure(client, collection, len(vector))
        with self._metrics.time("upsert"):
            client.upsert(collection, points=[self._models.PointStruct(id=point_id, vector=vector)])

    def similarity(self, collection: str, point_id: str, vector: list[float]) -> float:
        """Cosine similarity, -1 to 1, between ``vector`` and the point of that id; 0 if there is no such point."""
        client = self._load()
        only = self._models.Filter(must=[self._models.HasIdCondition(has_id=[point_id])])
        with self._metrics.time("query_points"):
            found = client.query_points(collection, query=vector, query_filter=only, limit=1, with_payload=False)
        return found.points[0].score if found.points else 0.0

    @cached_property
    def _client(self) -> QdrantClient:
        from qdrant_client import QdrantClient

        telemetry.instrument_qdrant()
        if self._url:
            return QdrantClient(url=self._url, timeout=TIMEOUT_SECONDS, check_compatibility=False)
        return QdrantClient(path=self._path) if self._path else QdrantClient(":memory:")

    @cached_property
    def _models(self) -> ModuleType:
        from qdrant_client import models

        return models

    def _load(self) -> QdrantClient:
        with self._lock, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return self._client

    def _ensure(self, client: QdrantClient, collection: str, size: int) -> None:
        """Create the collection if it is missing. Another worker may be faster: what counts is that it exists."""
        if collection in self._known:
            return
        if not client.collection_exists(collection):
            parameters = self._models.VectorParams(size=size, distance=self._models.Distance.COSINE)
            try:
                client.create_collection(collection, vectors_config=parameters)
            except Exception:
                if not client.collection_exists(collection):
                    raise
        self._known.add(collection)
