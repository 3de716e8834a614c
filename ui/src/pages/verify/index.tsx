/** Proofs that the telemetry works: the runs, and one of them in full. */
import { Badge, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearchParams } from 'react-router';
import { to, useHref } from '../../shared/links';
import { Loaded, Part } from '../../shared/Part';
import { Nothing } from '../../shared/states';
import { Time } from '../../shared/Time';
import { runs, type Verified } from './api';
import { countsText, verdictColour } from './verdict';
import '../overview/overview.css';

export default function Verify() {
  const query = useQuery({ queryKey: ['verify', 'runs'], queryFn: ({ signal }) => runs(signal), refetchInterval: 15_000 });
  const [params] = useSearchParams();
  return (
    <Part title="Runs of verify">
      <Loaded query={query} height={200}>
        {({ runs: all }) =>
          all.length ? <RunList runs={all} shown={params.get('run') ?? ''} /> : <Nothing title="Verify has not run yet.">It proves that metrics, traces and logs arrive and fit together.</Nothing>
        }
      </Loaded>
    </Part>
  );
}

function RunList({ runs: all, shown }: { runs: readonly Verified[]; shown: string }) {
  const link = useHref();
  return (
    <Stack gap={0} role="list" aria-label="Runs">
      {all.map((run) => (
        <Group key={run.id} role="listitem" gap="xs" py={4} className="alert-row" data-marked={run.id === shown}>
          <Badge size="sm" variant="light" color={verdictColour(run.verdict)}>
            {run.verdict}
          </Badge>
          <Link to={link(to.verify(run.id))}>
            <Time milliseconds={run.at * 1000} short />
          </Link>
          <Text size="sm">{countsText(run.counts)}</Text>
          <Text size="xs" c="dimmed">
            {run.services.join(', ')}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
