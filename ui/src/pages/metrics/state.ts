/** What the page of metrics shows, as its URL says it. Pure. */

export type View = 'graph' | 'table' | 'cardinality';
const VIEWS: readonly View[] = ['graph', 'table', 'cardinality'];

export interface MetricsState {
  /** At least one; an empty one is a field to write into. */
  queries: readonly string[];
  view: View;
}

export function readState(params: URLSearchParams): MetricsState {
  const queries = params.getAll('query');
  const view = VIEWS.find((one) => one === params.get('view')) ?? 'graph';
  return { queries: queries.length ? queries : [''], view };
}

/** The search of a URL with another state; all that is not the state stays. */
export function writeState(old: URLSearchParams, state: MetricsState): URLSearchParams {
  const next = new URLSearchParams(old);
  next.delete('query');
  next.delete('view');
  const kept = state.queries.filter((query, index) => query.trim() || index > 0);
  for (const query of kept) next.append('query', query);
  if (state.view !== 'graph') next.set('view', state.view);
  return next;
}

/** Where a parser stopped, as an offset; null where the message does not say it: `1:7: parse error: …`. */
export function errorOffset(message: string, query: string): number | null {
  const [, line, column] = /(?:^|\D)(\d+):(\d+): parse error/.exec(message) ?? [];
  if (line === undefined || column === undefined) return null;
  const lines = query.split('\n');
  const before = lines.slice(0, Number(line) - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return Math.min(query.length, Math.max(0, before + Number(column) - 1));
}
