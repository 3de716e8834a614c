"""The checks, in the order in which they are shown."""

from __future__ import annotations

from obsctl.checks.base import Check
from obsctl.checks.correlation_exemplar import CorrelationExemplar
from obsctl.checks.correlation_request_id import CorrelationRequestId
from obsctl.checks.dashboards_provisioned import DashboardsProvisioned
from obsctl.checks.dashboards_queries import DashboardsQueries
from obsctl.checks.logs_fields import LogsFields
from obsctl.checks.logs_present import LogsPresent
from obsctl.checks.metrics_buckets import MetricsBuckets
from obsctl.checks.metrics_cardinality import MetricsCardinality
from obsctl.checks.metrics_exact import MetricsExact
from obsctl.checks.metrics_labels import MetricsLabels
from obsctl.checks.metrics_present import MetricsPresent
from obsctl.checks.metrics_resets import MetricsResets
from obsctl.checks.metrics_series import MetricsSeries
from obsctl.checks.metrics_targets import MetricsTargets
from obsctl.checks.metrics_types import MetricsTypes
from obsctl.checks.metrics_units import MetricsUnits
from obsctl.checks.privacy_canary import PrivacyCanary
from obsctl.checks.privacy_patterns import PrivacyPatterns
from obsctl.checks.readiness_driven import ReadinessDriven
from obsctl.checks.readiness_roles import ReadinessRoles
from obsctl.checks.rules_loaded import RulesLoaded
from obsctl.checks.slo_sanity import SloSanity
from obsctl.checks.time_lag import TimeLag
from obsctl.checks.time_skew import TimeSkew
from obsctl.checks.traces_attributes import TracesAttributes
from obsctl.checks.traces_complete import TracesComplete
from obsctl.checks.traces_lost import TracesLost
from obsctl.checks.traces_sampling import TracesSampling
from obsctl.checks.traces_shape import TracesShape
from obsctl.checks.traces_state import TracesState

CHECKS: tuple[Check, ...] = (
    ReadinessRoles(),
    ReadinessDriven(),
    MetricsTargets(),
    MetricsPresent(),
    MetricsTypes(),
    MetricsLabels(),
    MetricsBuckets(),
    MetricsCardinality(),
    MetricsSeries(),
    MetricsResets(),
    MetricsExact(),
    MetricsUnits(),
    TracesSampling(),
    TracesLost(),
    TracesComplete(),
    TracesShape(),
    TracesAttributes(),
    TracesState(),
    TimeSkew(),
    TimeLag(),
    LogsPresent(),
    LogsFields(),
    CorrelationRequestId(),
    CorrelationExemplar(),
    PrivacyCanary(),
    PrivacyPatterns(),
    SloSanity(),
    RulesLoaded(),
    DashboardsQueries(),
    DashboardsProvisioned(),
)
"""Every check there is. A module of this room that is neither here nor a helper (``base``, ``run``, ``_…``) is lost."""
