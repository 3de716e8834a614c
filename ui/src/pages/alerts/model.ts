/** Alerts as one list: the rules of Prometheus say what is watched, Alertmanager says what is silenced. */
import type { Alert as Managed, Matcher, Silence } from '../../shared/api/alerts';
import { number, type Labels, type RuleGroup } from '../../shared/api/metrics';

export type State = 'firing' | 'pending' | 'silenced' | 'inhibited' | 'inactive';
export const STATES: readonly State[] = ['firing', 'pending', 'silenced', 'inhibited', 'inactive'];

export interface AlertRow {
  /** The same for the same alert, in URLs too. */
  key: string;
  name: string;
  state: State;
  /** Milliseconds since 1970; null where it does not fire. */
  since: number | null;
  labels: Labels;
  annotations: Labels;
  value: number | null;
  /** The rule's expression; empty where only Alertmanager knows the alert. */
  query: string;
  /** Seconds that it has to hold. */
  holds: number;
  group: string;
  silencedBy: readonly string[];
}

const sorted = (labels: Labels) => Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
const NAME = 'alertname';

export const keyOf = (labels: Labels): string =>
  [labels[NAME] ?? '', ...sorted(labels).filter(([name]) => name !== NAME).map(([name, value]) => `${name}=${value}`)].join(',');

/** Whether all of the first are among the second: Prometheus adds its external labels on the way to Alertmanager. */
const within = (few: Labels, many: Labels) => Object.entries(few).every(([name, value]) => many[name] === value);

const time = (text: string | undefined) => {
  const parsed = text ? Date.parse(text) : NaN;
  return Number.isNaN(parsed) || parsed <= 0 ? null : parsed;
};

function suppressed(managed: Managed): State {
  if (managed.status.silencedBy.length) return 'silenced';
  return managed.status.inhibitedBy.length ? 'inhibited' : 'firing';
}

function ofManaged(managed: Managed): AlertRow {
  const { labels, annotations } = managed;
  return {
    key: keyOf(labels),
    name: labels[NAME] ?? '(no name)',
    state: suppressed(managed),
    since: time(managed.startsAt),
    labels,
    annotations,
    value: null,
    query: '',
    holds: 0,
    group: '',
    silencedBy: managed.status.silencedBy,
  };
}

/** What is worst and newest stands first. */
const before = (a: AlertRow, b: AlertRow) =>
  STATES.indexOf(a.state) - STATES.indexOf(b.state) || (b.since ?? 0) - (a.since ?? 0) || (a.key < b.key ? -1 : 1);

export function alertRows(groups: readonly RuleGroup[], managed: readonly Managed[]): AlertRow[] {
  const left = new Set(managed);
  const rows = groups.flatMap((group) =>
    group.rules
      .filter((rule) => rule.type === 'alerting')
      .flatMap((rule): AlertRow[] => {
        const known = { name: rule.name, query: rule.query, holds: rule.duration ?? 0, group: group.name };
        const active = (rule.alerts ?? []).map((alert): AlertRow => {
          const found = alert.state === 'firing' ? [...left].find((one) => within(alert.labels, one.labels)) : undefined;
          if (found) left.delete(found);
          return {
            ...known,
            key: keyOf(found?.labels ?? alert.labels),
            state: found ? suppressed(found) : alert.state,
            since: time(alert.activeAt),
            labels: found?.labels ?? alert.labels,
            annotations: alert.annotations,
            value: number(alert.value),
            silencedBy: found?.status.silencedBy ?? [],
          };
        });
        if (active.length) return active;
        const labels = { [NAME]: rule.name, ...rule.labels };
        const key = `${keyOf(labels)},group=${group.name}`;
        return [{ ...known, key, state: 'inactive', since: null, labels, annotations: rule.annotations ?? {}, value: null, silencedBy: [] }];
      }),
  );
  return [...rows, ...[...left].map(ofManaged)].sort(before);
}

/** The name of the runbook, from the link that the rule carries; empty where it carries none. */
export function runbookName(annotations: Labels): string {
  const url = annotations.runbook_url ?? '';
  return /([^/]+)\.md(?:[#?].*)?$/.exec(url)?.[1] ?? '';
}

/** Words that an alert is found by. */
export function matchesText(row: Pick<AlertRow, 'name' | 'labels' | 'annotations'>, text: string): boolean {
  const all = [row.name, ...Object.entries(row.labels).map(([name, value]) => `${name}=${value}`), row.annotations.summary ?? ''].join(' ').toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

/** The sentence that a matcher with a broken pattern is refused with; null where it is fine. */
export function wrongMatcher(matcher: Matcher): string | null {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(matcher.name)) return 'A label has letters, digits and _.';
  if (!matcher.isRegex) return null;
  try {
    new RegExp(matcher.value);
    return null;
  } catch {
    return 'This is no regular expression.';
  }
}

/** Alertmanager's way: patterns match the whole value, and a label that is not there is empty. */
export function matches(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every(({ name, value, isRegex, isEqual = true }) => {
    const actual = labels[name] ?? '';
    const equal = isRegex ? new RegExp(`^(?:${value})$`, 's').test(actual) : actual === value;
    return equal === isEqual;
  });
}

/** Alertmanager refuses a silence whose matchers all match what is empty: it would silence everything. */
export const tooWide = (matchers: readonly Matcher[]): boolean => matches(matchers, {});

export const operator = ({ isRegex, isEqual = true }: Pick<Matcher, 'isRegex' | 'isEqual'>): string => (isEqual ? '=' : '!') + (isRegex ? '~' : isEqual ? '' : '=');
export const matcherText = (matcher: Matcher): string => `${matcher.name}${operator(matcher)}${JSON.stringify(matcher.value)}`;

export const OPERATORS: readonly { text: string; isRegex: boolean; isEqual: boolean }[] = [
  { text: '=', isRegex: false, isEqual: true },
  { text: '!=', isRegex: false, isEqual: false },
  { text: '=~', isRegex: true, isEqual: true },
  { text: '!~', isRegex: true, isEqual: false },
];

/** Silences that last first, then those that are over. */
export const silenceOrder = (silences: readonly Silence[]): Silence[] =>
  [...silences].sort((a, b) => Number(a.status.state === 'expired') - Number(b.status.state === 'expired') || (a.endsAt < b.endsAt ? 1 : -1));
