/** The question of a panel on the page of its signal. Pure. */
import type { SourceKind } from './sources';
import type { Scope } from './interpolate';

export interface Elsewhere {
  title: string;
  href: string;
}

export function askedElsewhere(questions: readonly { kind: SourceKind; expr: string }[], scope: Scope): Elsewhere | null {
  const first = questions[0];
  if (!first || first.kind === 'other') return null;
  const params = new URLSearchParams({ from: String(Math.round(scope.times.start * 1000)), to: String(Math.round(scope.times.end * 1000)) });
  if (first.kind === 'logs') {
    params.set('query', first.expr);
    return { title: 'Open in Logs', href: `/logs?${params.toString()}` };
  }
  if (first.kind === 'traces') {
    if (/^[0-9a-f]{16,32}$/i.test(first.expr)) return { title: 'Open in Traces', href: `/traces/${first.expr}?${params.toString()}` };
    params.set('q', first.expr);
    return { title: 'Open in Traces', href: `/traces?${params.toString()}` };
  }
  for (const { expr } of questions.filter((one) => one.kind === 'metrics')) params.append('query', expr);
  return { title: 'Open in Metrics', href: `/metrics?${params.toString()}` };
}
