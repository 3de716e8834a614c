/** Which of the stack's backends answers for a data source. Pure. */
import type { Chosen, Dialect } from './interpolate';
import { own } from './json';
import type { Source, Target } from './model';

export type SourceKind = 'metrics' | 'logs' | 'traces' | 'other';

const KINDS: Readonly<Record<string, SourceKind>> = {
  prometheus: 'metrics', mimir: 'metrics', metrics: 'metrics', loki: 'logs', logs: 'logs', jaeger: 'traces', tempo: 'traces', zipkin: 'traces', traces: 'traces',
}; // prettier-ignore

const OF_PANELS: Readonly<Record<string, SourceKind>> = { logs: 'logs', traces: 'traces' };
const MIXED = ['-- Mixed --', 'mixed', '-- Grafana --', 'grafana', '-- Dashboard --', 'dashboard', '__expr__'];

/** The uid or the type says it, a variable of data sources does, and otherwise the panel: graphs are of metrics. */
export function kindOf(source: Source, chosen: Readonly<Record<string, Pick<Chosen, 'variable'>>>, panelType: string): SourceKind {
  if (source.uid === '__expr__' || source.type === '__expr__') return 'other';
  const byType = source.type ? own(KINDS, source.type.replace(/^grafana-/, '').replace(/-datasource$/, '')) : undefined;
  if (byType) return byType;
  const name = /^\$\{?(\w+)\}?$/.exec(source.uid)?.[1];
  const variable = name === undefined || !Object.hasOwn(chosen, name) ? undefined : chosen[name]!.variable;
  if (variable) return own(KINDS, variable.query) ?? 'other';
  if (source.type && !MIXED.includes(source.type)) return 'other';
  if (MIXED.includes(source.uid)) return 'other';
  return own(KINDS, source.uid.toLowerCase()) ?? own(OF_PANELS, panelType) ?? 'metrics';
}

/** What people know a data source by. */
export function sourceName(target: Pick<Target, 'source'>): string {
  const { type, uid } = target.source;
  return uid === '__expr__' || type === '__expr__' ? 'an expression of Grafana’s server' : type || uid || 'its default data source';
}

export const dialectOf = (kind: SourceKind): Dialect => (kind === 'metrics' ? 'promql' : kind === 'logs' ? 'logql' : 'plain');

/** The role whose uid a data source variable has here. */
export const ROLES: Readonly<Record<string, string>> = { prometheus: 'metrics', mimir: 'metrics', loki: 'logs', jaeger: 'traces', tempo: 'traces' };
