/** URLs of pages. Each keeps the range of times that is shown, unless another is given. */
import { useCallback } from 'react';
import { useLocation } from 'react-router';

export interface Target {
  page: string;
  params?: Record<string, string | undefined>;
  /** Seconds since 1970: the range to show there. */
  around?: { start: number; end: number };
}

const KEPT = ['from', 'to', 'refresh'];

export function href(target: Target, search = ''): string {
  const old = new URLSearchParams(search);
  const next = new URLSearchParams();
  for (const name of KEPT) if (old.has(name)) next.set(name, old.get(name)!);
  if (target.around) {
    next.set('from', String(Math.floor(target.around.start * 1000)));
    next.set('to', String(Math.ceil(target.around.end * 1000)));
  }
  for (const [name, value] of Object.entries(target.params ?? {})) if (value !== undefined && value !== '') next.set(name, value);
  const text = next.toString();
  return text ? `${target.page}?${text}` : target.page;
}

/** `href` with the range that is shown now. */
export function useHref(): (target: Target) => string {
  const { search } = useLocation();
  return useCallback((target) => href(target, search), [search]);
}

export const to = {
  overview: (): Target => ({ page: '/' }),
  dashboard: (uid: string, variables: Record<string, string> = {}, around?: Target['around']): Target => ({
    page: `/dashboards/${encodeURIComponent(uid)}`,
    params: Object.fromEntries(Object.entries(variables).map(([name, value]) => [`var-${name}`, value])),
    ...(around && { around }),
  }),
  trace: (id: string, span?: string): Target => ({ page: `/traces/${encodeURIComponent(id)}`, params: { span } }),
  traces: (params: { service?: string; operation?: string; errors?: string; q?: string; min?: string } = {}): Target => ({ page: '/traces', params }),
  logs: (query: string, around?: Target['around']): Target => ({ page: '/logs', params: { query }, ...(around && { around }) }),
  metrics: (query: string, around?: Target['around']): Target => ({ page: '/metrics', params: { query }, ...(around && { around }) }),
  alerts: (alert?: string): Target => ({ page: '/alerts', params: { alert } }),
  verify: (run?: string): Target => ({ page: '/verify', params: { run } }),
  start: (): Target => ({ page: '/start' }),
};
