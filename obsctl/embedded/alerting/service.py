"""Where alerts go: to the alert managers that are named, and to our own where it is served."""

from __future__ import annotations

from collections.abc import Sequence

from obsctl.embedded.alerting.board import Board
from obsctl.embedded.alerting.dispatch import Dispatcher
from obsctl.embedded.alerting.post import Notifier
from obsctl.embedded.alerting.routing import routing
from obsctl.embedded.alerting.silences import Silences
from obsctl.embedded.config import ALERTS_ROLE, Config
from obsctl.embedded.rules.status import Notice
from obsctl.embedded.self_metrics import OwnMetrics


class Alerting:
    """Everything that happens to alerts once a rule has them. ``urls`` are the alert managers."""

    def __init__(self, config: Config, metrics: OwnMetrics) -> None:
        own = [f"http://{config.listen[ALERTS_ROLE]}"] if ALERTS_ROLE in config.listen else []
        self.urls = (*config.rules.alertmanagers, *own)
        self.board = Board(routing(config.alerting), Silences(config.data_dir))
        self._serves = bool(own)
        self._notifier = Notifier(config.rules.alertmanagers, metrics) if config.rules.alertmanagers else None
        self._dispatcher = Dispatcher(self.board, "".join(own), metrics)

    def tell(self, notices: Sequence[Notice]) -> None:
        """Hand alerts on. Returns at once."""
        if self._notifier:
            self._notifier.tell(notices)
        if self._serves:
            self.board.hear(notices)

    def close(self) -> None:
        """Stop telling."""
        self._dispatcher.close()
        if self._notifier:
            self._notifier.close()
