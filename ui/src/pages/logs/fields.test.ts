import { describe, expect, test } from 'vitest';
import { fieldCounts, hexId, labelName, lineKeys, parseLine } from './fields';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const line = (text: string, labels: Record<string, string> = {}) => ({ at: 1n, line: text, labels });

describe('fields', () => {
  test('of JSON are joined with dots; Loki calls them as it does', () =>
    expect(parseLine(line('{"msg":"hi","http":{"status":200,"x-y":null},"tags":["a"]}'))).toMatchObject({
      format: 'json',
      message: 'hi',
      fields: [
        { name: 'msg', label: 'msg', value: 'hi' },
        { name: 'http.status', label: 'http_status', value: '200' },
        { name: 'http.x-y', label: '', value: 'null' },
        { name: 'tags', label: '', value: '["a"]' },
      ],
    }));

  test('of logfmt', () =>
    expect(parseLine(line('level=warn msg="two \\"words\\"" took=3ms'))).toMatchObject({ format: 'logfmt', message: 'two "words"', level: 'warn' }));

  test.each(['plain text', '{"broken":', '[1,2]', 'a=1', '', 'null'])('%j is text', (text) =>
    expect(parseLine(line(text))).toMatchObject({ format: 'text', message: text, fields: [] }),
  );

  test.each([
    ['http.status', 'http_status'],
    ['9lives', '_9lives'],
    ['a-b c', 'a_b_c'],
  ])('%s becomes %s', (name, label) => expect(labelName(name)).toBe(label));
});

describe('levels', () => {
  test.each([
    [{ detected_level: 'error' }, '{"level":"info"}', 'error'],
    [{}, '{"severity":"WARNING"}', 'warn'],
    [{}, '{"Level":"Crit"}', 'critical'],
    [{}, 'text', 'unknown'],
  ])('%j %s is %s', (labels, text, level) => expect(parseLine(line(text, labels)).level).toBe(level));
});

describe('the trace of a line', () => {
  test.each([
    ['trace_id', ID],
    ['traceId', ID],
    ['traceID', ID.toUpperCase()],
    ['TraceId', ID],
    ['trace.id', ID],
    ['otelTraceID', ID],
    ['X-B3-TraceId', ID],
    ['trace_id', '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'],
    ['trace_id', 'S/kvNXezTaajzpKdDg5HNg=='],
    ['traceparent', `00-${ID}-00f067aa0ba902b7-01`],
  ])('as %s: %s', (name, value) => {
    expect(parseLine(line(JSON.stringify({ [name]: value }))).traceId).toBe(ID);
    expect(parseLine(line('text', { [name]: value })).traceId).toBe(ID);
  });

  test('in an object, with its span', () =>
    expect(parseLine(line(`{"trace":{"id":"${ID}"},"span":{"id":"00f067aa0ba902b7"}}`))).toMatchObject({ traceId: ID, spanId: '00f067aa0ba902b7' }));

  test.each([`failed trace_id=${ID}`, `[trace-id: ${ID}] x`, `at 00-${ID}-00f067aa0ba902b7-01`])('in %s', (text) => expect(parseLine(line(text)).traceId).toBe(ID));

  test.each(['{"trace_id":"00000000000000000000000000000000"}', '{"trace_id":"soon"}', '{"trace_id":"abc"}', '{"order_id":"4bf92f3577b34da6a3ce929d0e0e4736"}'])('not in %s', (text) =>
    expect(parseLine(line(text)).traceId).toBe(''),
  );

  test('old ids have eight bytes', () => expect([hexId('00f067aa0ba902b7', [16, 8]), hexId('00f067aa0ba902b7', [16])]).toEqual(['00f067aa0ba902b7', '']));
});

test('lines that are the same have keys of their own', () => {
  const keys = lineKeys([line('a'), line('a'), line('b')]);
  expect(new Set(keys).size).toBe(3);
  expect(keys[1]).toBe(`${keys[0]!}-1`);
});

test('fields are counted with their values', () => {
  const counts = fieldCounts([line('{"a":1}', { job: 'x' }), line('{"a":2,"b":3}', { job: 'x' }), line('{"a":2}', { job: 'x' })]);
  expect(counts.map((field) => [field.name, field.lines, field.values.map((one) => `${one.value}×${one.lines}`).join(' ')])).toEqual([
    ['job', 3, 'x×3'],
    ['a', 3, '2×2 1×1'],
    ['b', 1, '3×1'],
  ]);
});
