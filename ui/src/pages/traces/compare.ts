/** Two traces held against each other, operation by operation. Pure. Times in nanoseconds. */
import type { TraceModel } from './model';

export interface Side {
  count: number;
  /** Time spent in the operation itself, without what it waited for. */
  self: number;
  total: number;
  errors: number;
}
export interface OperationPair {
  service: string;
  name: string;
  a: Side;
  b: Side;
  /** By how much longer (`b` - `a`) the operation itself took, all its spans together. */
  more: number;
}

const NONE: Side = { count: 0, self: 0, total: 0, errors: 0 };

function sides(trace: TraceModel): Map<string, { service: string; name: string; side: Side }> {
  const all = new Map<string, { service: string; name: string; side: Side }>();
  trace.spans.forEach((span, index) => {
    const key = JSON.stringify([span.service, span.name]);
    const known = all.get(key) ?? { service: span.service, name: span.name, side: { ...NONE } };
    all.set(key, known);
    known.side.count++;
    known.side.self += Number(span.self_ns);
    known.side.total += trace.length[index]!;
    known.side.errors += trace.error[index]!;
  });
  return all;
}

/** Operations of either trace, the largest difference first. */
export function compared(a: TraceModel, b: TraceModel): OperationPair[] {
  const [first, second] = [sides(a), sides(b)];
  return [...new Map([...first, ...second])]
    .map(([key, { service, name }]) => {
      const [left, right] = [first.get(key)?.side ?? NONE, second.get(key)?.side ?? NONE];
      return { service, name, a: left, b: right, more: right.self - left.self };
    })
    .sort((x, y) => Math.abs(y.more) - Math.abs(x.more) || (`${x.service} ${x.name}` < `${y.service} ${y.name}` ? -1 : 1));
}
