/** Lines over time by level, on one grid of times. Pure. */
import type { Series } from '../../shared/api/metrics';
import { LEVELS, levelNamed, type Level } from '../../shared/levels';
import type { Range } from '../../shared/range';

export interface Volume {
  /** Ends of the steps, seconds since 1970. */
  times: readonly number[];
  /** Levels that have lines, the worst first, with a count for each time. */
  counts: readonly { level: Level; values: readonly number[] }[];
  total: number;
}

/** The grid that covers a range: steps end at multiples of the step, so that counts stay when the range moves. */
export function grid({ start, end }: Range, step: number): { first: number; last: number } {
  return { first: Math.floor(start / step) * step + step, last: Math.ceil(end / step) * step };
}

export function volumeOf(series: readonly Series[], range: Range, step: number): Volume {
  const { first, last } = grid(range, step);
  const times = Array.from({ length: Math.max(0, Math.round((last - first) / step)) + 1 }, (_, index) => first + index * step);
  const byLevel = new Map<Level, number[]>();
  let total = 0;
  for (const one of series) {
    const level = levelNamed((one.metric.detected_level ?? '') || (one.metric.level ?? ''));
    const values = byLevel.get(level) ?? times.map(() => 0);
    byLevel.set(level, values);
    for (const [at, count] of one.values ?? []) {
      const place = Math.round((at - first) / step);
      if (place < 0 || place >= times.length) continue;
      values[place]! += Number(count);
      total += Number(count);
    }
  }
  const counts = LEVELS.flatMap((level) => (byLevel.has(level) ? [{ level, values: byLevel.get(level)! }] : []));
  return { times, counts, total };
}
