/** What a run says, in the order that it is read. */
import { to, type Target } from '../../shared/links';
import type { Check, Judged, Status } from './api';

export interface Folded {
  check: Check;
  /** Checks that it explains. */
  under: Check[];
}

const WEIGHT: Record<Status, number> = { fail: 0, error: 1, pass: 2, skip: 3 };
const weight = (status: string) => (status in WEIGHT ? WEIGHT[status as Status] : 1);
export const keyOf = (check: { service: string; id: string }): string => `${check.service} ${check.id}`;

/** The check that stands for one in the end; itself where its cause is not among them, or causes run in a circle. */
function origin(check: Check, known: ReadonlyMap<string, Check>): Check {
  const passed = new Set<Check>();
  let shown = check;
  while (shown.cause && !passed.has(shown)) {
    passed.add(shown);
    const cause = known.get(keyOf({ service: check.service, id: shown.cause }));
    if (!cause) break;
    shown = cause;
  }
  return passed.has(shown) ? check : shown;
}

/** Failures first, each with what it explains; within that the order of the run. */
export function folded(checks: readonly Check[]): Folded[] {
  const known = new Map(checks.map((check) => [keyOf(check), check]));
  const found = new Map<Check, Check[]>();
  for (const check of checks) {
    const first = origin(check, known);
    found.set(first, [...(found.get(first) ?? []), ...(first === check ? [] : [check])]);
  }
  return [...found].map(([check, under]) => ({ check, under })).sort((a, b) => weight(a.check.status) - weight(b.check.status));
}

export interface Change {
  service: string;
  id: string;
  /** Null where the check was not part of that run. */
  before: Status | null;
  after: Status | null;
}

/** What turned between two runs; of services that only one of them looked at, nothing is said. */
export function changes(before: readonly Check[], after: readonly Check[]): Change[] {
  const both = new Set(before.map((check) => check.service).filter((service) => after.some((check) => check.service === service)));
  const of = (checks: readonly Check[]) => new Map(checks.filter((check) => both.has(check.service)).map((check) => [keyOf(check), check]));
  const [old, now] = [of(before), of(after)];
  return [...new Set([...now.keys(), ...old.keys()])]
    .map((key) => ({ was: old.get(key), is: now.get(key) }))
    .filter(({ was, is }) => was?.status !== is?.status)
    .map(({ was, is }) => ({ service: (is ?? was)!.service, id: (is ?? was)!.id, before: was?.status ?? null, after: is?.status ?? null }));
}

/** Rows of a run that goes on: those that are known from the run before wait at their place. */
export interface LiveRow {
  service: string;
  id: string;
  judged: Judged | null;
}

export function liveRows(expected: readonly { service: string; id: string }[], judged: readonly Judged[]): LiveRow[] {
  const rows = new Map<string, LiveRow>(expected.map(({ service, id }) => [keyOf({ service, id }), { service, id, judged: null }]));
  for (const one of judged) rows.set(keyOf({ service: one.service, id: one.check }), { service: one.service, id: one.check, judged: one });
  return [...rows.values()];
}

const TRACE = /^trace ([0-9a-f]{32})\b/;
const LOG_SIGNALS = ['logs', 'correlation', 'privacy'];
const PROMQL = /^(?:sum|count|avg|min|max|rate|increase|histogram_quantile|topk|absent|up)\b.*[({]|^\(|^[a-zA-Z_:][a-zA-Z0-9_:]*\{/;
const EXEMPLARS = /^GET \/api\/v1\/query_exemplars\?query=(\S+)/;

/** The page that answers the query of a piece of evidence; null where none does: better no link than a wrong one. */
export function evidenceTarget(query: string, signal: string): Target | null {
  const trace = TRACE.exec(query);
  if (trace) return to.trace(trace[1]!);
  const exemplars = EXEMPLARS.exec(query);
  if (exemplars) return to.metrics(decodeURIComponent(exemplars[1]!));
  if (query.startsWith('{')) return /\}\s*\|/.test(query) || LOG_SIGNALS.includes(signal) ? to.logs(query) : to.metrics(query);
  // `Title: Panel: expression`, and `name{…} on api`.
  const expression = (signal === 'dashboards' ? query.replace(/^(?:[^:{(]+: ){1,2}/, '') : query).replace(/ on [\w.-]+$/, '');
  if (PROMQL.test(expression)) return to.metrics(expression);
  return /^[a-z_:][a-z0-9_:]*_(?:total|bucket|sum|count|seconds|bytes)$/.test(expression) ? to.metrics(expression) : null;
}
