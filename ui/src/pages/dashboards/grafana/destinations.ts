/** Links of Grafana -> pages of ours, where we have the page; others of the web as they are; nothing else. Pure. */
import { seconds } from '../../../shared/range';
import { at, objects, text, texts } from './json';
import { fill, type Scope } from './interpolate';
import type { DataLink } from './model';

export interface Destination {
  title: string;
  href: string;
  external: boolean;
}

export function destination(link: DataLink, scope: Scope): Destination | null {
  const title = fill(link.title, scope) || 'Link';
  const times = { from: String(Math.round(scope.times.start * 1000)), to: String(Math.round(scope.times.end * 1000)) };
  const url = fillUrl(link.url, scope);
  const inside = pageOf(url, times);
  if (inside) return { title, href: inside, external: false };
  return /^https?:\/\/[^\s]+$/i.test(url) ? { title, href: url, external: true } : null;
}

/** Values in the parameters of a URL are encoded, as Grafana does it. */
function fillUrl(url: string, scope: Scope): string {
  const clicked = Object.fromEntries(Object.entries(scope.clicked ?? {}).map(([name, value]) => [name, encodeURIComponent(value)]));
  return fill(url, { ...scope, clicked });
}

/** The page of ours that a URL of Grafana means; null where there is none. */
export function pageOf(url: string, times: { from: string; to: string }): string | null {
  const [path = '', query = ''] = url.split('#')[0]!.split(/\?(.*)/s);
  const params = new URLSearchParams(query);
  const board = /^\/?d\/([^/]+)/.exec(path)?.[1];
  if (board !== undefined && !/^[a-z]+:/i.test(url)) {
    const kept = [...params].filter(([name]) => name.startsWith('var-') || name === 'from' || name === 'to' || name === 'viewPanel');
    const whole = new URLSearchParams([...(params.has('from') ? [] : Object.entries(times)), ...kept]);
    return `/dashboards/${encodeURIComponent(decode(board))}?${whole.toString()}`;
  }
  return /^\/?explore$/.test(path) ? explore(params, times) : null;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function explore(params: URLSearchParams, times: { from: string; to: string }): string | null {
  const pane = paneOf(params);
  const queries = objects(at(pane, 'queries'));
  const first = queries[0];
  if (!first) return null;
  const next = new URLSearchParams({ from: moment(at(pane, 'range', 'from'), times.from), to: moment(at(pane, 'range', 'to'), times.to) });
  const kind = text(at(first, 'datasource', 'type')) || text(at(pane, 'datasource'));
  const asked = queries.map((query) => text(query.expr) || text(query.query)).filter(Boolean);
  if (kind === 'loki' || kind === 'logs') {
    next.set('query', asked[0] ?? '');
    return `/logs?${next.toString()}`;
  }
  if (['jaeger', 'tempo', 'traces', 'zipkin'].includes(kind)) return traces(first, asked[0] ?? '', next);
  for (const query of asked) next.append('query', query);
  return `/metrics?${next.toString()}`;
}

function traces(query: Record<string, unknown>, asked: string, next: URLSearchParams): string {
  if (/^[0-9a-f]{16,32}$/i.test(asked)) return `/traces/${asked}?${next.toString()}`;
  if (text(query.service)) next.set('service', text(query.service));
  if (text(query.operation)) next.set('operation', text(query.operation));
  if (asked) next.set('q', asked);
  return `/traces?${next.toString()}`;
}

/** What Explore shows is one pane, or several by name, or the older list. */
function paneOf(params: URLSearchParams): unknown {
  try {
    const panes: unknown = JSON.parse(params.get('panes') ?? 'null');
    if (panes && typeof panes === 'object') return Object.values(panes)[0];
    const left: unknown = JSON.parse(params.get('left') ?? 'null');
    return Array.isArray(left) ? { range: { from: texts(left)[0], to: texts(left)[1] }, datasource: texts(left)[2], queries: left.slice(3) } : left;
  } catch {
    return null;
  }
}

const moment = (value: unknown, otherwise: string): string => {
  const written = text(value);
  const known = /^\d+$/.test(written) || written === 'now' || seconds(written.replace(/^now-/, '')) !== null;
  return known ? written : otherwise;
};
