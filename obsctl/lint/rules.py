"""What is wrong with rules, their own or those of others. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from obsctl.errors import Place, SpecError
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.promql.tree import Binary, Call, Expr, nodes_in
from obsctl.lint.alert_templates import read_alert_template, shown_labels
from obsctl.lint.catalogue import BY_ID
from obsctl.lint.finding import Finding
from obsctl.lint.promql import Issue, Reading, is_bare_counter, read
from obsctl.lint.series import Known, Shape
from obsctl.schema.text import printable, quoted
from obsctl.spec.rule_file import FileRule

_RECORD_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(:[a-zA-Z0-9_]+)+|[a-z_]+_info")
_DECIDING = frozenset(("==", "!=", ">", "<", ">=", "<=", "and", "unless"))


def syntax_findings(error: SpecError) -> Iterator[Finding]:
    """The mistakes of a file that could not be read."""
    for part in error.parts:
        place = part.place or Place("")
        yield Finding(BY_ID["rules.syntax"], place, place.file, _message(part), part.hint)


def spec_findings(error: SpecError) -> Iterator[Finding]:
    """The mistakes of the spec and of what it names."""
    for part in error.parts:
        place = part.place or Place("")
        yield Finding(BY_ID["spec.invalid"], place, place.file, _message(part), part.hint)


def _message(error: SpecError) -> str:
    return error.message.removeprefix(f"{error.place}: ")


def rule_findings(rules: Sequence[FileRule], known: Known) -> Iterator[Finding]:
    """What is wrong with rules, each on its own and together."""
    yield from _duplicates(rules)
    for rule in rules:
        reading = read(rule.expr, known)
        yield from (issue_finding(issue, rule.expr_place, rule.name) for issue in reading.issues)
        if is_bare_counter(reading):
            message = f"{rule.name} is a counter as it stands"
            yield Finding(BY_ID["promql.bare-counter"], rule.expr_place, rule.name, message)
        for look in _ALERT if rule.kind == "alert" else _RECORD:
            yield from look(rule, reading, known)


def issue_finding(issue: Issue, place: Place, about: str) -> Finding:
    """An issue of an expression where the expression is. ``about`` is the rule or panel that it belongs to."""
    return Finding(BY_ID[issue.id], place, about, issue.message, issue.hint)


def _duplicates(rules: Iterable[FileRule]) -> Iterator[Finding]:
    seen: dict[object, FileRule] = {}
    for rule in rules:
        key = (rule.kind, rule.name, " ".join(rule.expr.split()), tuple(sorted(rule.labels.items())))
        first = seen.setdefault(key, rule)
        if first is not rule:
            yield Finding(BY_ID["rules.duplicate"], rule.place, rule.name, f"the same rule is in {first.place}")


def _record_name(rule: FileRule, _reading: Reading, _known: Known) -> Iterator[Finding]:
    if not _RECORD_NAME.fullmatch(rule.name):
        message = f"{quoted(rule.name)} reads like a scraped metric"
        yield Finding(BY_ID["rules.record-name"], rule.place, rule.name, message)


def _comparison(rule: FileRule, reading: Reading, _known: Known) -> Iterator[Finding]:
    if reading.tree is not None and not _decides(reading.tree):
        message = "the expression has a result whenever there is data, so the alert always fires"
        yield Finding(BY_ID["alert.no-comparison"], rule.expr_place, rule.name, message)


def _decides(tree: Expr) -> bool:
    """Whether an expression can be empty although there is data."""
    return any(
        (isinstance(node, Binary) and node.op in _DECIDING and not node.returns_bool)
        or (isinstance(node, Call) and node.name.startswith("absent"))
        for node in nodes_in(tree)
    )


def _absent_wait(rule: FileRule, reading: Reading, known: Known) -> Iterator[Finding]:
    asks = reading.tree is not None and any(isinstance(n, Call) and n.name == "absent" for n in nodes_in(reading.tree))
    if asks and rule.wait < 2 * known.scrape_interval:
        message = f"absent() for {rule.wait:g}s fires when one scrape fails; two take {2 * known.scrape_interval:g}s"
        yield Finding(BY_ID["alert.absent-wait"], rule.place, rule.name, message)


def _severity(rule: FileRule, _reading: Reading, _known: Known) -> Iterator[Finding]:
    if not rule.labels.get("severity"):
        yield Finding(BY_ID["alert.no-severity"], rule.place, rule.name, f"{rule.name} has no severity")


def _told(rule: FileRule, _reading: Reading, _known: Known) -> Iterator[Finding]:
    if not rule.annotations.get("summary"):
        yield Finding(BY_ID["alert.no-summary"], rule.place, rule.name, f"{rule.name} says nothing to whoever gets it")
    if not any(key.startswith("runbook") for key in rule.annotations):
        message = f"{rule.name} does not say what to do"
        yield Finding(BY_ID["alert.no-runbook"], rule.place, rule.name, message)


def _templates(rule: FileRule, reading: Reading, _known: Known) -> Iterator[Finding]:
    for key, text in (*rule.annotations.items(), *rule.labels.items()):
        try:
            nodes = read_alert_template(text)
        except TemplateError as error:
            yield Finding(BY_ID["alert.template-syntax"], rule.place, rule.name, f"{key}: {printable(str(error))}")
        else:
            yield from _template_labels(rule, key, shown_labels(nodes), reading.shape)


def _template_labels(rule: FileRule, key: str, labels: Iterable[str], shape: Shape) -> Iterator[Finding]:
    for label in labels:
        if shape.labels is not None and label not in shape.labels:
            there = ", ".join(sorted(shape.labels)) or "none"
            message = f"{key} shows label {quoted(label)}, which the alert does not have"
            yield Finding(BY_ID["alert.template-label"], rule.place, rule.name, message, f"it has: {there}")


_Look = Callable[[FileRule, Reading, Known], Iterator[Finding]]
_ALERT: tuple[_Look, ...] = (_comparison, _absent_wait, _severity, _told, _templates)
_RECORD: tuple[_Look, ...] = (_record_name,)
