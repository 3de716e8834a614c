import { expect, test } from 'vitest';
import { errorOffset, readState, writeState } from './state';

test('several queries and the view are kept, and so is the range', () => {
  const state = { queries: ['up', 'rate(x[5m])'], view: 'table' } as const;
  const url = writeState(new URLSearchParams('from=now-1h&query=old'), state);
  expect(url.get('from')).toBe('now-1h');
  expect(readState(url)).toEqual(state);
});

test('nothing is one empty query, and does not stand in the URL', () => {
  expect(readState(new URLSearchParams('view=none'))).toEqual({ queries: [''], view: 'graph' });
  expect(writeState(new URLSearchParams(), { queries: [''], view: 'graph' }).toString()).toBe('');
});

test.each([
  ['1:7: parse error: unexpected end', 'sum by', 6],
  ['invalid parameter "query": 2:3: parse error: x', 'a +\nb c', 6],
  ['parse error: unclosed left parenthesis', 'sum(', null],
])('%s is at %s', (message, query, offset) => expect(errorOffset(message, query)).toBe(offset));
