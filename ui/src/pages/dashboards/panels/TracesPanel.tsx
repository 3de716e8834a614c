/** A panel of one trace: the way to it. */
import { Anchor, Stack, Text } from '@mantine/core';
import { Link } from 'react-router';
import { to, useHref } from '../../../shared/links';
import { fill } from '../grafana/interpolate';
import { references, type Scope } from '../grafana/interpolate';
import type { Panel } from '../grafana/model';
import { TraceSpans } from './TraceSpans';

export function TracesPanel({ panel, scope, height }: { panel: Panel; scope: Scope; height: number }) {
  const href = useHref();
  const target = panel.targets[0];
  const asked = target ? fill(target.expr, scope).trim() : '';
  if (!asked) {
    const names = [...references(target?.expr ?? '')].join(', ');
    return (
      <Text size="sm" c="dimmed" p="sm" ta="center">
        {names ? `Put an id into “${scope.chosen[names]?.variable.label ?? names}” above, or open a log line below and follow its trace id.` : 'The panel names no trace.'}
      </Text>
    );
  }
  if (!/^[0-9a-f]{1,32}$/i.test(asked)) {
    return (
      <Stack p="sm" gap={4}>
        <Text size="sm">This panel searches for traces:</Text>
        <Anchor component={Link} to={href(to.traces({ q: asked }))} className="mono">
          {asked}
        </Anchor>
      </Stack>
    );
  }
  return <TraceSpans id={asked} height={height} />;
}
