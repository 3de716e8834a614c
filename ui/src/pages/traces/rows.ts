/** Which rows of a trace are shown: spans that no fold hides, and the log lines in their places. Pure. */
import type { LogMark, TraceModel } from './model';

/** A row is the index of a span, or the complement (`~n`) of the index of a log line. */
export type Row = number;
export const isLog = (row: Row): boolean => row < 0;

export type Folded = ReadonlySet<number>;

function pushLogs(rows: Row[], marks: readonly LogMark[] | undefined, place: ReadonlyMap<LogMark, number>): void {
  for (const mark of marks ?? []) rows.push(~place.get(mark)!);
}

export function visibleRows(trace: TraceModel, folded: Folded, withLogs: boolean): Row[] {
  const rows: Row[] = [];
  const place = new Map(withLogs ? trace.logs.map((mark, index): [LogMark, number] => [mark, index]) : []);
  if (withLogs) pushLogs(rows, trace.logsOf.get(-1), place);
  for (let span = 0; span < trace.spans.length;) {
    rows.push(span);
    if (folded.has(span)) {
      span += trace.size[span]!;
      continue;
    }
    if (withLogs) pushLogs(rows, trace.logsOf.get(span), place);
    span++;
  }
  return rows;
}

/** Everything from this depth on is hidden: parents at `depth - 1` are folded. */
export function foldedBelow(trace: TraceModel, depth: number): Folded {
  const folded = new Set<number>();
  for (let span = 0; span < trace.spans.length; span++) if (trace.size[span]! > 1 && trace.depth[span]! >= depth - 1) folded.add(span);
  return folded;
}

export function toggled(folded: Folded, span: number): Folded {
  const next = new Set(folded);
  if (!next.delete(span)) next.add(span);
  return next;
}

/** The folds without those that hide a span. */
export function revealing(trace: TraceModel, folded: Folded, span: number): Folded {
  let next = folded;
  for (let above = trace.parent[span]!; above >= 0; above = trace.parent[above]!) if (next.has(above)) next = toggled(next, above);
  return next;
}

function haystack(trace: TraceModel, span: number): string {
  const { service, name, kind, span_id, status, attributes, events } = trace.spans[span]!;
  const logs = (trace.logsOf.get(span) ?? []).map((mark) => mark.log.body);
  return [service, name, kind, span_id, status.message, JSON.stringify(attributes), ...events.map((event) => JSON.stringify(event)), ...logs]
    .join('\n')
    .toLowerCase();
}

/** What `find` looks into, made once for a trace: 10,000 spans take a few milliseconds to search, but many to spell. */
export const haystacks = (trace: TraceModel): readonly string[] => trace.spans.map((_, span) => haystack(trace, span));

/** Spans, in their order, that have all the words somewhere. */
export function findSpans(stacks: readonly string[], text: string): number[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  return stacks.flatMap((stack, span) => (words.every((word) => stack.includes(word)) ? [span] : []));
}

/** The hit after `from` (before it, with a step of -1); goes round at the ends. */
export function nextHit(hits: readonly number[], from: number, step: 1 | -1): number | undefined {
  if (!hits.length) return undefined;
  if (step === 1) return hits.find((hit) => hit > from) ?? hits[0];
  return hits.findLast((hit) => hit < from) ?? hits[hits.length - 1];
}

export interface View {
  /** Parts of the duration, 0 to 1. */
  from: number;
  to: number;
}
export const WHOLE: View = { from: 0, to: 1 };

/** Where a stretch of time lies in a view, as parts of its width; null where it lies outside. */
export function placed(trace: { duration: number }, view: View, at: number, length: number): { left: number; width: number } | null {
  const scale = 1 / (trace.duration * (view.to - view.from));
  const left = at * scale - view.from / (view.to - view.from);
  const right = left + length * scale;
  if (right < 0 || left > 1) return null;
  const from = Math.max(0, left);
  return { left: from, width: Math.min(1, right) - from };
}

/** Stretches that lie in the view, those that are closer than a pixel made one: at most as many as there are pixels. */
export function drawn(trace: { duration: number }, view: View, stretches: readonly { from: number; to: number }[], pixels = 500): { left: number; width: number }[] {
  const parts: { left: number; width: number }[] = [];
  for (const one of stretches) {
    const part = placed(trace, view, one.from, one.to - one.from);
    const last = parts[parts.length - 1];
    if (!part) continue;
    if (last && part.left - last.left - last.width < 1 / pixels) last.width = Math.max(last.width, part.left + part.width - last.left);
    else parts.push(part);
  }
  return parts;
}
