/** LogQL as text: what kind a query is, and the same query with one more filter. Pure; the language's own errors are the server's. */

export const DEFAULT_QUERY = '{service_name=~".+"}';
const QUOTES = '"`';

/** Where the text goes on after a string that begins at `at`. */
function afterString(query: string, at: number): number {
  const quote = query[at]!;
  let place = at + 1;
  while (place < query.length && query[place] !== quote) place += query[place] === '\\' && quote === '"' ? 2 : 1;
  return place + 1;
}

/** Places of characters outside of strings and comments. */
function* bare(query: string): Generator<[place: number, character: string]> {
  for (let place = 0; place < query.length; ) {
    const character = query[place]!;
    if (QUOTES.includes(character)) place = afterString(query, place);
    else if (character === '#') while (place < query.length && query[place] !== '\n') place++;
    else yield [place++, character];
  }
}

/** Whether the answer is lines (it begins with a selector), not series. */
export function asksLines(query: string): boolean {
  for (const [, character] of bare(query)) if (!/[\s(]/.test(character)) return character === '{';
  return true;
}

/** Start and end of the selector's inside; null where there is none. */
export function selector(query: string): { from: number; to: number } | null {
  let from = -1;
  for (const [place, character] of bare(query)) {
    if (character === '{' && from < 0) from = place + 1;
    else if (character === '}' && from >= 0) return { from, to: place };
  }
  return null;
}

const literal = (value: string) => JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

export interface Filter {
  label: string;
  value: string;
  /** Where it comes from: the stream's labels, metadata, or a parser of the line. */
  from: 'stream' | 'metadata' | 'json' | 'logfmt';
}

const parses = (query: string, parser: string) => new RegExp(`\\|\\s*${parser}\\b`).test([...bare(query)].map(([, character]) => character).join(''));

/** The query that keeps only (or leaves out) lines with a value. Said twice, it stays the same. */
export function filtered(query: string, filter: Filter, keep: boolean): string {
  const condition = `${filter.label}${keep ? '=' : '!='}${literal(filter.value)}`;
  if (query.includes(condition)) return query;
  const inside = selector(query);
  if (filter.from === 'stream' && inside) {
    const old = query.slice(inside.from, inside.to).trim().replace(/,$/, '');
    return `${query.slice(0, inside.from)}${old ? `${old}, ` : ''}${condition}${query.slice(inside.to)}`;
  }
  const parser = (filter.from === 'json' || filter.from === 'logfmt') && !parses(query, filter.from) ? ` | ${filter.from}` : '';
  return `${query.trimEnd() || DEFAULT_QUERY}${parser} | ${condition}`;
}

/** A selector of the stream that labels name; the level is left out, since what is around a line has others. */
export function streamSelector(labels: Readonly<Record<string, string>>, streamLabels: readonly string[]): string {
  const kept = streamLabels.filter((name) => labels[name] && name !== 'level' && name !== 'detected_level');
  return `{${kept.map((name) => `${name}=${literal(labels[name]!)}`).join(', ')}}`;
}

/** How many lines of each level, as a metric query over a query for lines. Both names: Loki detects one, streams may have the other. */
export const volumeQuery = (query: string, step: number): string => `sum by (detected_level, level) (count_over_time(${query.trim() || DEFAULT_QUERY} [${step}s]))`;

/** A time in the server's message, `line 1, col 27`, as an offset into the query. */
export function errorPlace(message: string, query: string): number | null {
  const [, line, column] = /line (\d+), col(?:umn)? (\d+)/.exec(message) ?? [];
  if (line === undefined || column === undefined) return null;
  const lines = query.split('\n').slice(0, Number(line) - 1);
  return Math.min(query.length, lines.reduce((sum, one) => sum + one.length + 1, 0) + Math.max(0, Number(column) - 1));
}
