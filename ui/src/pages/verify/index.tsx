/** Proofs that the telemetry works: run one, watch it, read it, compare it with the one before. */
import { Badge, Button, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useState } from 'react';
import { Link } from 'react-router';
import { useStack } from '../../shared/api/obsctl';
import { IconPlay } from '../../shared/icons';
import { to, useHref } from '../../shared/links';
import { Loaded, Part } from '../../shared/Part';
import { Failed, Nothing } from '../../shared/states';
import { ago, Time } from '../../shared/Time';
import { useParam } from '../alerts/params';
import '../overview/overview.css';
import './verify.css';
import { run, runs, start, type Run, type Runs, type Verified } from './api';
import { useLive, type Ended } from './live';
import { LiveChecks, RunView } from './RunView';
import { countsText, verdictColour } from './verdict';

const POLL_MILLISECONDS = 10_000;
/** A run does not change once it is kept. */
const useRun = (id: string) => useQuery<Run>({ queryKey: ['verify', 'run', id], queryFn: ({ signal }) => run(id, signal), enabled: id !== '', staleTime: Infinity });

export default function Verify() {
  const query = useQuery<Runs>({ queryKey: ['verify', 'runs'], queryFn: ({ signal }) => runs(signal), refetchInterval: POLL_MILLISECONDS });
  return (
    <Loaded query={query} height={300}>
      {(data) => <WithRuns data={data} />}
    </Loaded>
  );
}

function WithRuns({ data }: { data: Runs }) {
  const [asked, show] = useParam('run');
  const [watched, setWatched] = useState<string | null>(data.running?.id ?? null);
  const [ended, setEnded] = useState<Ended | null>(null);
  const client = useQueryClient();
  const runningId = data.running?.id;
  useEffect(() => {
    if (runningId !== undefined) setWatched(runningId);
  }, [runningId]);
  const onDone = useCallback(
    (end: Ended) => {
      setWatched(null);
      setEnded(end);
      void client.invalidateQueries({ queryKey: ['verify'] });
      if (!end.error) show(end.id);
    },
    [client, show],
  );
  const judged = useLive(watched, onDone);
  const shown = asked || (data.runs[0]?.id ?? '');
  const before = data.runs[data.runs.findIndex((one) => one.id === shown) + 1]?.id ?? '';
  const full = useRun(shown);
  const earlier = useRun(data.runs.some((one) => one.id === shown) ? before : '');
  const last = useRun(data.runs[0]?.id ?? '');
  return (
    <Stack gap="sm">
      <Controls running={watched !== null} started={setWatched} />
      {ended?.error && <Failed error={new Error([ended.error, ended.hint].filter(Boolean).join('. '))} />}
      {watched !== null && (
        <Part title="Running">
          <LiveChecks expected={last.data?.checks ?? []} judged={judged} />
        </Part>
      )}
      {shown !== '' && (
        <Loaded query={full} height={400}>
          {(found) => <RunView run={found} before={earlier.data} />}
        </Loaded>
      )}
      <Part title="Earlier runs">
        {data.runs.length ? (
          <RunList runs={data.runs} shown={shown} />
        ) : (
          <Nothing title="Verify has not run yet.">It sends requests of its own and proves that metrics, traces and logs of them arrive and fit together.</Nothing>
        )}
      </Part>
    </Stack>
  );
}

function Controls({ running, started }: { running: boolean; started: (id: string) => void }) {
  const { data: stack } = useStack();
  const [service, setService] = useState('');
  const begun = useMutation({ mutationFn: () => start(service || null), onSuccess: ({ id }) => started(id) });
  const services = stack?.services ?? [];
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <NativeSelect
          size="xs"
          aria-label="Service"
          data={[{ value: '', label: services.length === 1 ? services[0]!.name : 'All services' }, ...(services.length > 1 ? services.map(({ name }) => ({ value: name, label: name })) : [])]}
          value={service}
          onChange={(event) => setService(event.currentTarget.value)}
        />
        <Button size="xs" leftSection={<IconPlay size={14} />} loading={begun.isPending} disabled={running} onClick={() => begun.mutate()}>
          {running ? 'Verify runs' : 'Run verify'}
        </Button>
        {services.some((one) => !one.driven) && (
          <Text size="xs" c="dimmed">
            Services without requests to send are judged by the traffic that they have.
          </Text>
        )}
      </Group>
      {begun.error && <Failed error={begun.error} />}
    </Stack>
  );
}

function RunList({ runs: all, shown }: { runs: readonly Verified[]; shown: string }) {
  const link = useHref();
  return (
    <Stack gap={0} role="list" aria-label="Runs">
      {all.map((one) => (
        <Group key={one.id} role="listitem" gap="xs" py={5} px={4} className="alert-row row-mark" data-marked={one.id === shown}>
          <Badge size="sm" variant="light" color={verdictColour(one.verdict)} miw={52}>
            {one.verdict}
          </Badge>
          <Link to={link(to.verify(one.id))} aria-current={one.id === shown ? 'true' : undefined}>
            <Time milliseconds={one.at * 1000} short />
          </Link>
          <Text size="xs" c="dimmed">
            {ago(one.at * 1000)}
          </Text>
          <Text size="sm">{countsText(one.counts)}</Text>
          <Text size="xs" c="dimmed" className="wrap-anywhere">
            {one.services.join(', ')}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
