/** The spans of a trace in short; the page of traces has all of it. */
import { Anchor, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { get } from '../../../shared/api/http';
import { colours } from '../../../shared/charts/palette';
import { to, useHref } from '../../../shared/links';
import { Failed, Waiting } from '../../../shared/states';
import { duration } from '../../../shared/units';

interface Span {
  span_id: string;
  service: string;
  name: string;
  depth: number;
  start_offset_ns: string;
  duration_ns: string;
  status: { code: string };
}
interface Trace {
  trace_id: string;
  duration_ns: string;
  spans: Span[];
}

export function TraceSpans({ id, height }: { id: string; height: number }) {
  const href = useHref();
  const { data, error, refetch } = useQuery({ queryKey: ['trace', id], queryFn: ({ signal }) => get<Trace>(`/api/traces/${encodeURIComponent(id)}`, {}, signal) });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting height={height} />;
  const whole = Number(data.duration_ns) || 1;
  const palette = colours([...new Set(data.spans.map((span) => span.service))]);
  const share = (nanoseconds: string) => `${Math.min(100, Math.max(0, (Number(nanoseconds) / whole) * 100))}%`;
  return (
    <div className="panel-scroll" tabIndex={0} role="region" aria-label={`Spans of ${id}`}>
      <Group justify="space-between" px="xs" pb={4}>
        <Text size="xs" c="dimmed">
          {data.spans.length} spans, {duration(whole / 1e9)}
        </Text>
        <Anchor component={Link} to={href(to.trace(data.trace_id))} size="xs">
          Open the trace
        </Anchor>
      </Group>
      {data.spans.map((span) => (
        <Link key={span.span_id} className="span-row plain" to={href(to.trace(data.trace_id, span.span_id))}>
          <span className="clip" style={{ paddingLeft: Math.min(span.depth, 12) * 10 }}>
            <b>{span.service}</b> {span.name}
          </span>
          <span className="span-track">
            <i style={{ left: share(span.start_offset_ns), width: share(span.duration_ns), background: span.status.code === 'error' ? '#e03131' : palette.get(span.service) }} />
          </span>
          <span>{duration(Number(span.duration_ns) / 1e9)}</span>
        </Link>
      ))}
    </div>
  );
}
