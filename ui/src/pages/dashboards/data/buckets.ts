/** Cumulative buckets of a histogram -> how many values fell into each at each time. Pure. */
import type { Frame } from './frames';

export interface Buckets {
  /** Milliseconds. */
  times: readonly number[];
  /** Upper limits, lowest first; only those around what was counted. */
  limits: readonly string[];
  /** Column, row, count. */
  cells: readonly (readonly [number, number, number])[];
  most: number;
}

const limitOf = (frame: Frame): number => {
  const text = frame.labels.le ?? frame.name;
  return text === '+Inf' ? Infinity : Number(text);
};

const LEAST = 1e-9;

/** `cumulative`: whether each bucket holds those below it, as `le` has it; else each frame is a row of its own. */
export function bucketsOf(frames: readonly Frame[], cumulative: boolean): Buckets {
  const rows = cumulative ? [...frames].filter((frame) => !Number.isNaN(limitOf(frame))).sort((a, b) => limitOf(a) - limitOf(b)) : [...frames];
  const times = [...new Set(rows.flatMap((row) => row.spots.map((spot) => spot[0])))].sort((a, b) => a - b);
  const values = rows.map((row) => new Map(row.spots));
  const cells: [number, number, number][] = [];
  let most = 0;
  times.forEach((time, column) => {
    let below = 0;
    values.forEach((row, index) => {
      const total = row.get(time) ?? 0;
      const count = cumulative ? Math.max(0, total - below) : total;
      if (cumulative) below = Math.max(below, total);
      if (count <= LEAST) return;
      cells.push([column, index, count]);
      most = Math.max(most, count);
    });
  });
  const used = cells.map((cell) => cell[1]);
  const low = Math.max(0, used.reduce((a, b) => Math.min(a, b), Infinity) - 1);
  const high = used.reduce((a, b) => Math.max(a, b), -1) + 1;
  const limits = rows.slice(low, high + 1).map((row) => row.labels.le ?? row.name);
  return { times, limits: cells.length ? limits : [], cells: cells.map(([column, row, count]) => [column, row - low, count]), most };
}
