import { expect, test } from 'vitest';
import type { Check, Status } from './api';
import { changes, evidenceTarget, folded, liveRows } from './model';

const check = (id: string, status: Status, cause = '', service = 's'): Check => ({ service, id, signal: 'metrics', status, summary: '', evidence: [], hint: '', cause, folds: [], notes: [], seconds: 0 });

test('what fails stands first, with what it explains, over several steps', () => {
  const found = folded([check('a', 'pass'), check('b', 'fail'), check('c', 'fail', 'b'), check('d', 'error', 'c'), check('e', 'skip')]);
  expect(found.map(({ check: one, under }) => [one.id, under.map((other) => other.id)])).toEqual([['b', ['c', 'd']], ['a', []], ['e', []]]);
});

test('no check is lost, whatever its cause is', () => {
  const all = [check('a', 'fail', 'b'), check('b', 'fail', 'a'), check('c', 'fail', 'gone'), check('d', 'fail', 'd')];
  const shown = folded(all).flatMap(({ check: one, under }) => [one.id, ...under.map((other) => other.id)]);
  expect(shown.sort()).toEqual(['a', 'b', 'c', 'd']);
});

test('the cause of another service explains nothing here', () =>
  expect(folded([check('a', 'fail', '', 'one'), check('b', 'fail', 'a', 'two')]).every(({ under }) => under.length === 0)).toBe(true));

test('what turned between runs, of services that both looked at', () => {
  const before = [check('a', 'pass'), check('b', 'pass'), check('old', 'skip'), check('a', 'fail', '', 'other')];
  const after = [check('a', 'fail'), check('b', 'pass'), check('new', 'pass')];
  expect(changes(before, after)).toEqual([
    { service: 's', id: 'a', before: 'pass', after: 'fail' },
    { service: 's', id: 'new', before: null, after: 'pass' },
    { service: 's', id: 'old', before: 'skip', after: null },
  ]);
});

test('checks turn where they stand; those that are new come last', () => {
  const judged = [{ service: 's', check: 'b', signal: 'x', verdict: 'pass' as const, message: '' }, { service: 's', check: 'z', signal: 'x', verdict: 'fail' as const, message: '' }];
  expect(liveRows([check('a', 'pass'), check('b', 'pass')], judged).map((row) => [row.id, row.judged?.verdict])).toEqual([['a', undefined], ['b', 'pass'], ['z', 'fail']]);
});

const ID = '4c7f4cf7c22249de2b5e88be7b5e7e1c';
test.each([
  [`trace ${ID} (POST /cvs)`, 'traces', '/traces/' + ID, undefined],
  ['{service_name=~"api"} |= "obsctl-1-"', 'correlation', '/logs', '{service_name=~"api"} |= "obsctl-1-"'],
  ['{service_name=~".+"}', 'logs', '/logs', '{service_name=~".+"}'],
  ['{instance="127.0.0.1:1",job="api"}', 'metrics', '/metrics', '{instance="127.0.0.1:1",job="api"}'],
  ['http_requests_total{method="POST"}', 'metrics', '/metrics', 'http_requests_total{method="POST"}'],
  ['sum(rate(x[5m]))', 'slo', '/metrics', 'sum(rate(x[5m]))'],
  ['count by (route) (x{job="a"})', 'metrics', '/metrics', 'count by (route) (x{job="a"})'],
  ['http_response_size_bytes_sum on api', 'metrics', '/metrics', 'http_response_size_bytes_sum'],
  ['AI providers: Calls: sum(rate(x{a="b: c"}[1m]))', 'dashboards', '/metrics', 'sum(rate(x{a="b: c"}[1m]))'],
  ['GET /api/v1/query_exemplars?query=x_bucket', 'correlation', '/metrics', 'x_bucket'],
])('%s (%s) leads to %s', (query, signal, page, asked) => {
  const target = evidenceTarget(query, signal);
  expect([target?.page, target?.params?.query]).toEqual([page, asked]);
});

test.each([['GET /api/v1/rules'], ['counters of api'], ['1245 stored texts'], ['every text of 123 spans from the time of the run'], ['X-Request-Id of 18 answers']])('%s leads nowhere', (query) =>
  expect(evidenceTarget(query, 'traces')).toBeNull());
