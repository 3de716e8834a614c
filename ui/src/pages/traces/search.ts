/** What the search form of traces says, in the URL and as a search. Pure. */
import type { FoundTrace, TraceSearch } from '../../shared/api/traces';

export interface Form {
  service: string;
  operation: string;
  tags: string;
  min: string;
  max: string;
  errors: boolean;
  limit: string;
  /** TraceQL; replaces the others. */
  q: string;
}

export const LIMITS = ['20', '50', '100', '200', '500'] as const;
const DEFAULT_LIMIT = '50';

export const formOf = (params: URLSearchParams): Form => ({
  service: params.get('service') ?? '',
  operation: params.get('operation') ?? '',
  tags: params.get('tags') ?? '',
  min: params.get('min') ?? '',
  max: params.get('max') ?? '',
  errors: params.get('errors') === '1' || params.get('errors') === 'true',
  limit: params.get('limit') ?? DEFAULT_LIMIT,
  q: params.get('q') ?? '',
});

/** A form as parameters; what is at its default is null. */
export const paramsOf = (form: Form): Record<string, string | null> => ({
  service: form.service || null,
  operation: form.operation || null,
  tags: form.tags.trim() || null,
  min: form.min.trim() || null,
  max: form.max.trim() || null,
  errors: form.errors ? '1' : null,
  limit: form.limit === DEFAULT_LIMIT ? null : form.limit,
  q: form.q.trim() || null,
});

const MILLISECONDS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `100ms`, `1.5s`, `250` (milliseconds, too); null where it is no duration. */
export function milliseconds(text: string): number | null {
  const [, count, unit = 'ms'] = /^(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)?$/.exec(text.trim()) ?? [];
  return count === undefined ? null : Number((Number(count) * MILLISECONDS[unit]!).toPrecision(12));
}

const PAIR = /\s*([^\s=]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))(?=\s|$)/y;

/** Pairs as `http.route=/users error="not found"`; null where it is something else. */
export function pairs(text: string): Record<string, string> | null {
  const found: Record<string, string> = {};
  const rest = text.trimEnd();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < rest.length) {
    const [, name, quoted, plain] = PAIR.exec(rest) ?? [];
    if (!name) return null;
    found[name] = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '';
  }
  return found;
}

/** What is wrong with a form, by field; empty where nothing is. */
export function wrong(form: Form): Partial<Record<'tags' | 'min' | 'max', string>> {
  const bad: Partial<Record<'tags' | 'min' | 'max', string>> = {};
  if (form.min && milliseconds(form.min) === null) bad.min = 'such as 100ms, 1.5s';
  if (form.max && milliseconds(form.max) === null) bad.max = 'such as 100ms, 1.5s';
  if (pairs(form.tags) === null) bad.tags = 'such as http.route=/users name="two words"';
  return bad;
}

export function searchOf(form: Form, start: number, end: number): TraceSearch {
  const min = milliseconds(form.min);
  const max = milliseconds(form.max);
  return {
    service: form.service,
    ...(form.operation && { operation: form.operation }),
    attributes: pairs(form.tags) ?? {},
    ...(min !== null && { minDuration: min }),
    ...(max !== null && { maxDuration: max }),
    onlyErrors: form.errors,
    ...(form.q && { traceql: form.q }),
    start,
    end,
    limit: Number(form.limit) || Number(DEFAULT_LIMIT),
  };
}

export const SORTS = ['newest', 'longest', 'errors', 'spans'] as const;
export type Sort = (typeof SORTS)[number];
export const sortNamed = (name: string | null): Sort => SORTS.find((sort) => sort === name) ?? 'newest';

const BY: Record<Sort, (trace: FoundTrace) => number> = {
  newest: (trace) => trace.start,
  longest: (trace) => trace.duration,
  errors: (trace) => trace.errors,
  spans: (trace) => trace.spans,
};

export const sorted = (traces: readonly FoundTrace[], sort: Sort): FoundTrace[] =>
  [...traces].sort((a, b) => BY[sort](b) - BY[sort](a) || b.start - a.start || (a.id < b.id ? -1 : 1));

/** What a reader should know of a search's answer. A full answer may hide more. */
export function remarks(found: { traces: readonly FoundTrace[]; warnings: readonly string[] }, limit: number): string[] {
  const full = found.traces.length >= limit ? [`The search stopped at its limit of ${limit} traces; there may be more.`] : [];
  return [...new Set(found.warnings), ...full];
}

/** At most two: a third one takes the place of the first. */
export const picked = (old: readonly string[], id: string): string[] => (old.includes(id) ? old.filter((one) => one !== id) : [...old, id].slice(-2));
