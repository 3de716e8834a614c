/** One trace, or two beside each other (`?compare=ID`). `?span=` names the span to show. */
import { Anchor, Button, Group, Text } from '@mantine/core';
import { useEffect, useMemo } from 'react';
import { Link } from 'react-router';
import { ApiError } from '../../shared/api/http';
import { CopyText } from '../../shared/CopyText';
import { to, useHref } from '../../shared/links';
import { useParamState } from '../../shared/params';
import { Failed, Nothing, Waiting } from '../../shared/states';
import { inline } from '../../shared/text';
import { Time } from '../../shared/Time';
import { duration } from '../../shared/units';
import { Compare } from './Compare';
import type { TraceModel } from './model';
import { TraceView } from './TraceView';
import { serviceColours, useTrace } from './useTrace';

const SECOND = 1e9;

export function TracePage({ id }: { id: string }) {
  const { data: trace, error, refetch } = useTrace(id);
  const link = useHref();
  if (error)
    return (
      <>
        <Failed error={error} retry={() => void refetch()} />
        {error instanceof ApiError && error.status === 404 && (
          <Nothing title={`No trace ${inline(id)} is stored`}>
            It may have been too old to keep, or not have arrived yet. <Link to={link(to.traces())}>Search traces</Link>
          </Nothing>
        )}
      </>
    );
  if (!trace) return <Waiting />;
  if (!trace.spans.length) return <Nothing title="The trace has no spans.">Look again in a moment: spans arrive one after the other.</Nothing>;
  return <Shown trace={trace} reload={() => void refetch()} />;
}

function Shown({ trace, reload }: { trace: TraceModel; reload: () => void }) {
  const root = trace.spans[0]!;
  useEffect(() => {
    document.title = `${inline(root.service)}: ${inline(root.name)} · ${document.title.split(' · ').slice(-2).join(' · ')}`;
  }, [root]);
  const [params, change] = useParamState();
  const other = params.get('compare');
  const compare = (id: string | null) => change({ compare: id });
  const found = useMemo(() => serviceColours(trace.services), [trace]);
  return (
    <div className="fill">
      <Header trace={trace} reload={reload} onCompare={other === null ? () => compare('last') : undefined} />
      {other === null ? <TraceView trace={trace} colours={found} /> : <Compare trace={trace} id={other} onCompare={compare} />}
    </div>
  );
}

function Header({ trace, reload, onCompare }: { trace: TraceModel; reload: () => void; onCompare: (() => void) | undefined }) {
  const link = useHref();
  const root = trace.spans[0]!;
  const around = { start: trace.start / 1000 - 60, end: (trace.start + trace.duration / 1e6) / 1000 + 60 };
  const query = `{service_name=~".+"} | trace_id=${JSON.stringify(trace.id)}`;
  const { spans, services, errors, logs } = trace.counts;
  return (
    <Group gap="xs" mb={4} justify="space-between" wrap="wrap">
      <div style={{ minWidth: 0 }}>
        <Text component="h1" fw={600} size="md" className="wrap-anywhere">
          {inline(root.service)}: {inline(root.name)}
        </Text>
        <Group gap={6} c="dimmed" fz="xs" component="div">
          <span>
            <Time milliseconds={trace.start} />
          </span>
          <span>{duration(trace.duration / SECOND)}</span>
          <span>
            {spans.toLocaleString()} {spans === 1 ? 'span' : 'spans'}
          </span>
          <span>
            {services} {services === 1 ? 'service' : 'services'}
          </span>
          <Text span inherit c={errors ? 'red' : 'dimmed'}>
            {errors} {errors === 1 ? 'error' : 'errors'}
          </Text>
          <span className="mono wrap-anywhere">{trace.id}</span>
          <CopyText text={trace.id} label="Copy the trace id" />
        </Group>
      </div>
      <Group gap={6}>
        <Anchor component={Link} size="sm" to={link(to.logs(query, around))}>
          {logs} {logs === 1 ? 'log line' : 'log lines'}
        </Anchor>
        {onCompare && (
          <Button size="compact-xs" variant="default" onClick={onCompare}>
            Compare
          </Button>
        )}
        <Button size="compact-xs" variant="default" onClick={reload}>
          Look again
        </Button>
      </Group>
    </Group>
  );
}
