import { expect, test } from 'vitest';
import { familiesOf, labelUse, matching, questionOf } from './families';

const METADATA = {
  http_request_duration_seconds: [{ type: 'histogram', help: 'Time to answer.', unit: 's' }],
  jobs: [{ type: 'counter', help: 'Jobs.', unit: '' }],
};
const NAMES = ['http_request_duration_seconds_bucket', 'http_request_duration_seconds_count', 'jobs_total', 'up'];
const FAMILIES = familiesOf(NAMES, METADATA, new Map([['http_request_duration_seconds_bucket', 10], ['http_request_duration_seconds_count', 2], ['up', 1]]));

test('series of one family are counted together', () =>
  expect(FAMILIES.map(({ name, type, series }) => [name, type, series])).toEqual([
    ['http_request_duration_seconds', 'histogram', 12],
    ['jobs', 'counter', 0],
    ['up', 'unknown', 1],
  ]));

test('words are found in names and in help', () => expect(matching(FAMILIES, 'time HTTP').map((family) => family.name)).toEqual(['http_request_duration_seconds']));

test('a first question fits the type', () =>
  expect(FAMILIES.map(questionOf)).toEqual(['histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))', 'rate(jobs_total[5m])', 'up']));

test('labels with most values come first', () =>
  expect(labelUse([{ a: '1', b: 'x' }, { a: '2', b: 'x' }])).toEqual([
    { label: 'a', values: 2, top: [['1', 1], ['2', 1]] },
    { label: 'b', values: 1, top: [['x', 2]] },
  ])); // prettier-ignore
