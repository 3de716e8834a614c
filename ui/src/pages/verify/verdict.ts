/** Verdicts in words and colours. */
import type { Counts, Status } from './api';

const COLOURS: Partial<Record<string, string>> = { pass: 'green', fail: 'red', error: 'red', skip: 'gray' };
const ORDER: readonly [Status, string][] = [
  ['fail', 'failed'],
  ['error', 'not judged'],
  ['pass', 'passed'],
  ['skip', 'skipped'],
];

export const verdictColour = (verdict: string): string => COLOURS[verdict] ?? 'gray';

/** `2 failed, 26 passed`: what matters most comes first. */
export function countsText(counts: Counts): string {
  const said = ORDER.filter(([status]) => counts[status]).map(([status, word]) => `${counts[status]!} ${word}`);
  return said.join(', ') || 'no checks';
}
