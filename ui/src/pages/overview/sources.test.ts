import { expect, test } from 'vitest';
import type { Sample, Series } from '../../shared/api/metrics';
import figures from '../../../../tests/unit/overview/figures.json';
import { durationText, edgesOf, edgesOfDependencies, graphQueries, health, onGrid, percent, present, rateText, redRows, REQUESTS, requestQueries, share } from './sources';

const sample = (metric: Record<string, string>, value: string): Sample => ({ metric, value: [10, value] });
const series = (metric: Record<string, string>, ...values: string[]): Series => ({ metric, values: values.map((value, at) => [at * 10, value]) });
const none = { rate: [], failed: [], p95: [] };
const [SPANS] = REQUESTS;
const HTTP = REQUESTS.find((source) => source.calls === 'http_requests_total')!;

test('of what counts the same calls, the one whose durations are there is taken', () => {
  const found = present(new Set(['calls_total', 'duration_milliseconds_bucket', 'http_requests_total']));
  expect(found.map((source) => source.buckets)).toEqual(['duration_milliseconds_bucket', 'http_request_duration_seconds_bucket']);
});

test('calls without durations still count', () => expect(present(new Set(['calls_total'])).map((source) => source.calls)).toEqual(['calls_total']));

test('queries ask for what was answered, and make seconds', () => {
  const milliseconds = REQUESTS.find((source) => source.buckets === 'duration_milliseconds_bucket')!;
  expect(requestQueries(milliseconds, '5m').p95).toMatch(/\* 0\.001$/);
  expect(requestQueries(SPANS!, '5m').failed).toBe(
    'sum by (service) (rate(traces_spanmetrics_calls_total{span_kind=~"SPAN_KIND_(SERVER|CONSUMER)",status_code="STATUS_CODE_ERROR"}[5m]))',
  );
  expect(requestQueries(HTTP, '5m').rate).toBe('sum by (job) (rate(http_requests_total{}[5m]))');
});

test('the histogram of the graph that is there is asked', () =>
  expect(graphQueries(new Set(['traces_service_graph_request_duration_seconds_bucket']), '1m').p95).toContain('request_duration_seconds_bucket'));

test('a service is counted by the first source that has it, and silent ones have a row, too', () => {
  const rows = redRows(
    [
      {
        source: SPANS!,
        now: { rate: [sample({ service: 'api' }, '2')], failed: [sample({ service: 'api' }, '0.5')], p95: [sample({ service: 'api' }, 'NaN')] },
        trail: { ...none, rate: [series({ service: 'api' }, '1', '2')], failed: [series({ service: 'api' }, '1')] },
      },
      { source: HTTP, now: { ...none, rate: [sample({ job: 'api' }, '9'), sample({ job: 'old' }, '3')] }, trail: none },
    ],
    ['worker', 'api'],
    [0, 10],
  );
  expect(rows.map((row) => [row.service, row.rate, row.failed, row.p95])).toEqual([
    ['api', 2, 0.25, null],
    ['old', 3, 0, null],
    ['worker', null, null, null],
  ]);
  expect(rows[0]!.trails).toEqual({ rate: [1, 2], failed: [1, 0], p95: [null, null] });
});

test('edges carry their own failures and durations', () => {
  const key = { client: 'a', server: 'db', connection_type: 'database' };
  const edges = edgesOf({ rate: [sample(key, '4'), sample({ client: 'a', server: 'b' }, '1'), sample({ server: 'c' }, '1')], failed: [sample(key, '1')], p95: [sample(key, '0.2')] });
  expect(edges).toEqual([
    { from: 'a', to: 'b', kind: '', rate: 1, failed: 0, p95: null },
    { from: 'a', to: 'db', kind: 'database', rate: 4, failed: 0.25, p95: 0.2 },
  ]);
});

test('dependencies say how often and nothing of failures', () =>
  expect(edgesOfDependencies([{ parent: 'a', child: 'b', callCount: 30 }], 60)).toEqual([{ from: 'a', to: 'b', kind: '', rate: 0.5, failed: null, p95: null }]));

test('a series has gaps where it has no value', () => expect(onGrid(series({}, '1', 'NaN'), [0, 10, 20])).toEqual([1, null, null]));

test.each([
  ['percent', percent],
  ['rate', rateText],
  ['duration', durationText],
] as const)('figures of %s read as in the terminal', (name, text) =>
  expect(figures[name].map(([value]) => text(value as number | null))).toEqual(figures[name].map(([, read]) => read)));

test('without requests there is no share, and no verdict', () => {
  expect([share(0, 0), share(null, 2), share(5, 2)]).toEqual([null, 0, 1]);
  expect([health(null), health(0), health(0.01), health(0.5)]).toEqual(['unknown', 'good', 'some', 'bad']);
});
