/** Everything that a span says. */
import { Anchor, CloseButton, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useStack } from '../../shared/api/obsctl';
import { searchTraces, speaksTraceql } from '../../shared/api/traces';
import { CopyText } from '../../shared/CopyText';
import { to, useHref } from '../../shared/links';
import { inline, visible } from '../../shared/text';
import { Time } from '../../shared/Time';
import { duration } from '../../shared/units';
import type { Attributes, Json } from './answer';
import type { TraceModel } from './model';

const SECOND = 1e9;

export const spelled = (value: Json): string => visible(typeof value === 'string' ? value : JSON.stringify(value));

export function Facts({ title, facts }: { title: ReactNode; facts: readonly (readonly [string, ReactNode, string?])[] }) {
  if (!facts.length) return null;
  return (
    <section>
      <Text component="h3" fw={600} size="xs" mt="xs">
        {title}
      </Text>
      <dl className="facts">
        {facts.map(([name, value, copied]) => (
          <div key={name}>
            <dt>{inline(name)}</dt>
            <dd>
              {value}
              {copied !== undefined && <CopyText text={copied} label={`Copy ${inline(name)}`} />}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const attributeFacts = (attributes: Attributes) =>
  Object.entries(attributes).map(([name, value]) => [name, spelled(value), typeof value === 'string' ? value : JSON.stringify(value)] as const);

export function SpanDetails({ trace, span, onClose }: { trace: TraceModel; span: number; onClose: () => void }) {
  const one = trace.spans[span]!;
  const link = useHref();
  const at = trace.start + trace.at[span]! / 1e6;
  const around = { start: at / 1000 - 60, end: (at + trace.length[span]! / 1e6) / 1000 + 60 };
  const query = `{service_name=${JSON.stringify(one.service)}} | trace_id=${JSON.stringify(trace.id)}`;
  const logs = trace.logsOf.get(span) ?? [];
  return (
    <aside className="details" aria-label="Span">
      <Group justify="space-between" wrap="nowrap" align="start">
        <Text component="h2" fw={600} size="sm" className="wrap-anywhere">
          {inline(one.service)} · {inline(one.name)}
        </Text>
        <CloseButton size="sm" onClick={onClose} aria-label="Close the span" />
      </Group>
      <Group gap="xs">
        <Anchor component={Link} size="xs" to={link(to.logs(query, around))}>
          Logs of {inline(one.service)}
        </Anchor>
        <Anchor component={Link} size="xs" to={link(to.traces({ service: one.service, operation: one.name }))}>
          Traces like it
        </Anchor>
      </Group>
      <Facts title="Span" facts={spanFacts(trace, span)} />
      <Facts title="Attributes" facts={attributeFacts(one.attributes)} />
      {one.events.map((event, index) => (
        <Facts key={index} title={`Event ${inline(event.name)} at +${duration(Number(event.offset_ns) / SECOND)}`} facts={eventFacts(event.attributes)} />
      ))}
      <Facts title="Log lines" facts={logs.map((mark) => [`+${duration(mark.at / SECOND)} ${mark.log.severity}`, visible(mark.log.body)] as const)} />
      <LinkedTraces trace={trace} span={span} />
      <Facts title="Resource" facts={attributeFacts(trace.resources[one.resource] ?? {})} />
    </aside>
  );
}

const eventFacts = (attributes: Attributes) => (Object.keys(attributes).length ? attributeFacts(attributes) : [['', 'without attributes'] as const]);

function spanFacts(trace: TraceModel, span: number): (readonly [string, ReactNode, string?])[] {
  const one = trace.spans[span]!;
  const skew = Number(one.skew_ns);
  const parent = one.parent_span_id ?? '';
  const missing = one.place === 'orphan' ? ' (not in the trace)' : one.place === 'continued' ? ' (outside of the trace)' : '';
  return [
    ['kind', one.kind],
    ['status', one.status.message ? `${one.status.code}: ${visible(one.status.message)}` : one.status.code],
    ['start', <Time key="at" milliseconds={trace.start + trace.at[span]! / 1e6} />],
    ['after the trace began', duration(trace.at[span]! / SECOND)],
    ['duration', duration(trace.length[span]! / SECOND)],
    ['without its children', duration(Number(one.self_ns) / SECOND)],
    ['on the critical path', duration(Number(one.critical_ns) / SECOND)],
    ...(skew ? [['clock', `at least ${duration(Math.abs(skew) / SECOND)} ${skew < 0 ? 'before' : 'after'} its caller`] as const] : []),
    ['span id', one.span_id, one.span_id],
    ...(parent ? [['parent', `${parent}${missing}`, parent] as const] : []),
    ...(one.trace_state ? [['trace state', visible(one.trace_state)] as const] : []),
  ];
}

/** Links of the span, and where it can be asked (TraceQL) or seen (in this trace), those to it. */
function LinkedTraces({ trace, span }: { trace: TraceModel; span: number }) {
  const link = useHref();
  const { data: stack } = useStack();
  const one = trace.spans[span]!;
  const q = `{ link:traceID = "${trace.id}" && link:spanID = "${one.span_id}" }`;
  const from = useQuery({
    queryKey: ['linked', trace.id, one.span_id],
    enabled: stack !== undefined && speaksTraceql(stack),
    queryFn: ({ signal }) => searchTraces(stack!, { service: '', traceql: q, start: trace.start / 1000 - 3600, end: Date.now() / 1000, limit: 20 }, signal),
  });
  const inside = trace.spans.filter((other) => other.links.some((to) => to.trace_id === trace.id && to.span_id === one.span_id));
  const anchor = (id: string, at?: string) => (
    <Anchor component={Link} size="xs" className="mono wrap-anywhere" to={link(to.trace(id, at))}>
      {id === trace.id ? `this trace, span ${at ?? ''}` : id}
    </Anchor>
  );
  const links = one.links.map((target) => ['links to', anchor(target.trace_id, target.span_id)] as const);
  const back = inside.map((other) => ['linked from', anchor(trace.id, other.span_id)] as const);
  const others = (from.data?.traces ?? []).filter((found) => found.id !== trace.id).map((found) => ['linked from', anchor(found.id)] as const);
  return <Facts title="Links" facts={[...links, ...back, ...others].map(([name, value], index) => [`${name} ${index + 1}`, value] as const)} />;
}
