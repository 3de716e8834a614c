import { expect, test } from 'vitest';
import type { Alert } from '../../shared/api/alerts';
import type { Rule, RuleGroup } from '../../shared/api/metrics';
import { alertRows, keyOf, matcherText, matches, matchesText, runbookName, tooWide, wrongMatcher } from './model';

const rule = (name: string, alerts: Rule['alerts']): Rule => ({ type: 'alerting', name, query: 'up == 0', health: 'ok', evaluationTime: 0, lastEvaluation: '', duration: 60, labels: { severity: 'page' }, ...(alerts && { alerts }) });
const group = (...rules: Rule[]): RuleGroup => ({ name: 'g', file: '', interval: 1, rules, evaluationTime: 0, lastEvaluation: '' });
const managed = (labels: Record<string, string>, status: Partial<Alert['status']> = {}): Alert => ({
  fingerprint: 'f', labels, annotations: {}, startsAt: '2026-01-01T00:00:00Z', endsAt: '', updatedAt: '', receivers: [],
  status: { state: 'active', silencedBy: [], inhibitedBy: [], ...status },
}); // prettier-ignore
const firing = (labels: Record<string, string>) => ({ labels, annotations: { summary: 'down' }, state: 'firing' as const, activeAt: '2026-01-02T00:00:00Z', value: '3e+00' });

test('an alert of a rule is silenced where Alertmanager says so, external labels or not', () => {
  const labels = { alertname: 'Down', job: 'api' };
  const rows = alertRows([group(rule('Down', [firing(labels)]))], [managed({ ...labels, cluster: 'eu' }, { silencedBy: ['s1'] })]);
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ state: 'silenced', value: 3, query: 'up == 0', silencedBy: ['s1'], labels: { cluster: 'eu' }, since: Date.parse('2026-01-02T00:00:00Z') });
});

test('what only one of them knows is shown, too; what is quiet comes last', () => {
  const pending = { ...firing({ alertname: 'Slow' }), state: 'pending' as const };
  const rows = alertRows([group(rule('Quiet', []), rule('Slow', [pending]))], [managed({ alertname: 'Foreign' }), managed({ alertname: 'Below' }, { inhibitedBy: ['f'] })]);
  expect(rows.map((row) => [row.name, row.state])).toEqual([
    ['Foreign', 'firing'],
    ['Slow', 'pending'],
    ['Below', 'inhibited'],
    ['Quiet', 'inactive'],
  ]);
});

test('a pending alert is not taken for one that Alertmanager still knows', () => {
  const labels = { alertname: 'Down' };
  const rows = alertRows([group(rule('Down', [{ ...firing(labels), state: 'pending' }]))], [managed(labels)]);
  expect(rows.map((row) => row.state)).toEqual(['firing', 'pending']);
});

test('keys do not depend on the order of labels', () => expect(keyOf({ b: '1', alertname: 'A', a: '2' })).toBe(keyOf({ alertname: 'A', a: '2', b: '1' })));

test.each([
  [{ name: 'job', value: 'api', isRegex: false }, true],
  [{ name: 'job', value: 'ap', isRegex: true }, false],
  [{ name: 'job', value: 'ap.|x', isRegex: true }, true],
  [{ name: 'job', value: 'api', isRegex: false, isEqual: false }, false],
  [{ name: 'none', value: '', isRegex: false }, true],
])('%o matches an alert of api: %s', (matcher, value) => expect(matches([matcher], { job: 'api' })).toBe(value));

test('a silence that would take everything is seen', () => {
  expect(tooWide([{ name: 'job', value: '.*', isRegex: true }])).toBe(true);
  expect(tooWide([])).toBe(true);
  expect(tooWide([{ name: 'job', value: 'api', isRegex: false }])).toBe(false);
});

test('broken matchers are told', () => {
  expect(wrongMatcher({ name: 'a b', value: '', isRegex: false })).not.toBeNull();
  expect(wrongMatcher({ name: 'a', value: '(', isRegex: true })).not.toBeNull();
  expect(wrongMatcher({ name: 'a', value: '(', isRegex: false })).toBeNull();
});

test('matchers are written as Alertmanager writes them', () => expect(matcherText({ name: 'a', value: 'x"', isRegex: true, isEqual: false })).toBe('a!~"x\\""'));

test.each([
  ['docs/runbooks/TargetDown.md', 'TargetDown'],
  ['https://example.org/r/Other.md#now', 'Other'],
  ['https://example.org/r/Other', ''],
  ['', ''],
])('the runbook of %s is %s', (url, name) => expect(runbookName({ runbook_url: url })).toBe(name));

test('an alert is found by all words', () => {
  const row = { name: 'Down', labels: { job: 'api' }, annotations: { summary: 'Nobody answers' } };
  expect([matchesText(row, 'job=api nobody'), matchesText(row, 'api other'), matchesText(row, '')]).toEqual([true, false, true]);
});
