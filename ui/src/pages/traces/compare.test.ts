import { expect, test } from 'vitest';
import { compared } from './compare';
import { modelOf } from './model';
import { answerOf } from './trace.fixture';

test('operations are held against each other, the largest difference first; what is only in one counts nothing in the other', () => {
  const a = modelOf(answerOf([{ depth: 0, name: 'GET', length: 100 }, { depth: 1, name: 'SELECT', length: 10 }, { depth: 1, name: 'SELECT', length: 20, error: true }])); // prettier-ignore
  const b = modelOf(answerOf([{ depth: 0, name: 'GET', length: 105 }, { depth: 1, name: 'SET', service: 'cache', length: 70 }])); // prettier-ignore
  const side = (count: number, length: number, errors = 0) => ({ count, self: length, total: length, errors });
  expect(compared(a, b)).toEqual([
    { service: 'cache', name: 'SET', a: side(0, 0), b: side(1, 70), more: 70 },
    { service: 'api', name: 'SELECT', a: side(2, 30, 1), b: side(0, 0), more: -30 },
    { service: 'api', name: 'GET', a: side(1, 100), b: side(1, 105), more: 5 },
  ]);
});
