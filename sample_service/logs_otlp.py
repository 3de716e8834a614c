"""Log lines by OTLP, where no shipper follows a file: each line as the body of a record, with its ids beside it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import Resource

from sample_service import request_context

_OF_THE_WAY = ("opentelemetry", "grpc", "urllib3")
"""Loggers that tell of sending itself: sent as well, one failure would bring the next."""


class OtlpHandler(logging.Handler):
    """Sends what it formats. ``close`` sends what is left, for at most ``flush`` seconds."""

    def __init__(self, resource: Resource, flush: float) -> None:
        super().__init__()
        self._flush = flush
        self._provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_log_record_processor(BatchLogRecordProcessor(_exporter(os.environ)))
        self._logger = self._provider.get_logger("sample_service")
        self.addFilter(lambda record: record.name.partition(".")[0] not in _OF_THE_WAY)

    def emit(self, record: logging.LogRecord) -> None:
        """One line. The span that is current now is the record's, too."""
        context = request_context.current()
        self._logger.emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                severity_text=record.levelname.lower(),
                severity_number=_severity(record.levelno),
                body=self.format(record),
                attributes={"request_id": context.request_id} if context else None,
            )
        )

    def close(self) -> None:
        """Send what is left."""
        super().close()
        flusher = threading.Thread(target=self._provider.shutdown, daemon=True)
        flusher.start()
        flusher.join(self._flush)


def _severity(level: int) -> SeverityNumber:
    steps = {
        logging.CRITICAL: SeverityNumber.FATAL,
        logging.ERROR: SeverityNumber.ERROR,
        logging.WARNING: SeverityNumber.WARN,
        logging.INFO: SeverityNumber.INFO,
    }
    return next((number for least, number in steps.items() if level >= least), SeverityNumber.DEBUG)


def _exporter(environ: Mapping[str, str]) -> LogRecordExporter:
    """The exporter for the protocol that the environment asks for; HTTP unless it says gRPC."""
    names = ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    if next((environ[name].strip() for name in names if environ.get(name, "").strip()), "") == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter

    return HttpExporter()
