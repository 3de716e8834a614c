/** One run: its verdict, what turned since the run before, and every check with its evidence. */
import { Anchor, Badge, Group, Stack, Text, UnstyledButton } from '@mantine/core';
import { useMemo } from 'react';
import { Link } from 'react-router';
import { IconChevronDown, IconChevronRight } from '../../shared/icons';
import { to, useHref } from '../../shared/links';
import { Part } from '../../shared/Part';
import { useRows } from '../../shared/rows';
import { ago, Time } from '../../shared/Time';
import { duration } from '../../shared/units';
import { Find } from '../alerts/Find';
import { useParam } from '../alerts/params';
import type { Check, Judged, Lag, Run } from './api';
import { CheckDetail } from './CheckDetail';
import { changes, folded, keyOf, liveRows, type Folded } from './model';
import { countsText, verdictColour } from './verdict';

function Verdict({ verdict }: { verdict: string }) {
  return (
    <Badge size="sm" variant="light" color={verdictColour(verdict)} miw={52} style={{ flexShrink: 0 }}>
      {verdict}
    </Badge>
  );
}

/** Checks at the place where the run before had them; they turn as they are judged. */
export function LiveChecks({ expected, judged }: { expected: readonly Check[]; judged: readonly Judged[] }) {
  const rows = liveRows(judged.length && expected.length ? expected.filter((check) => judged.some((one) => one.service === check.service)) : expected, judged);
  return (
    <>
      <Text size="sm" role="status" mb={4}>
        {judged.length} judged{rows.length > judged.length && ` of about ${rows.length}`}
      </Text>
      <div className="live-checks" role="list" aria-label="Checks of the run">
        {rows.map(({ service, id, judged: one }) => (
          <Group key={`${service} ${id}`} role="listitem" gap={6} wrap="nowrap" title={one?.message ?? ''} opacity={one ? 1 : 0.6}>
            <Verdict verdict={one?.verdict ?? 'waits'} />
            <Text size="xs" className="clip">
              {id}
            </Text>
          </Group>
        ))}
      </div>
    </>
  );
}

export function RunView({ run, before }: { run: Run; before: Run | undefined }) {
  const [find, setFind] = useParam('find');
  const [open, setOpen] = useParam('check');
  const all = useMemo(() => folded(run.checks), [run]);
  const rows = all.filter(({ check, under }) => [check, ...under].some((one) => matches(one, find)));
  const toggle = (key: string) => setOpen(open === key ? '' : key);
  const marked = useRows(rows.length, (at) => toggle(keyOf(rows[at]!.check)));
  const several = new Set(run.checks.map((check) => check.service)).size > 1;
  return (
    <Part title="Run" aside={<Find label="Find a check" value={find} onChange={setFind} onLeave={() => setOpen('')} />}>
      <Head run={run} />
      {before && <Turned run={run} before={before} />}
      <Stack gap={0} role="list" aria-label="Checks" mt="xs">
        {rows.map((row, at) => (
          <Row key={keyOf(row.check)} row={row} at={at} marked={at === marked} several={several} opened={keyOf(row.check) === open} toggle={() => toggle(keyOf(row.check))} />
        ))}
      </Stack>
      {rows.length === 0 && <Text size="sm">No check is like that.</Text>}
    </Part>
  );
}

const matches = (check: Check, text: string) =>
  text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => `${check.service} ${check.id} ${check.status} ${check.summary}`.toLowerCase().includes(word));

function Head({ run }: { run: Run }) {
  const link = useHref();
  const failed = (run.requests ?? []).filter((request) => request.error);
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <Verdict verdict={run.verdict} />
        <Text size="sm">{countsText(run.counts)}</Text>
        <Text size="xs" c="dimmed" component="span">
          <Time milliseconds={run.at * 1000} short /> · {ago(run.at * 1000)}
          {run.seconds !== undefined && ` · took ${duration(run.seconds)}`}
          {run.requests?.length ? ` · ${run.requests.length} requests sent` : ''}
        </Text>
      </Group>
      {run.services.map((service) => <Lags key={service.service} service={service.service} lag={service.lag ?? {}} />)}
      {failed.map((request) => (
        <Text key={request.trace_id} size="xs" className="wrap-anywhere">
          <span className="bad">{request.request}: </span>
          {request.error} <Link to={link(to.trace(request.trace_id))}>Trace</Link>
        </Text>
      ))}
    </Stack>
  );
}

function Lags({ service, lag }: { service: string; lag: Partial<Record<string, Lag>> }) {
  const measured = Object.entries(lag).flatMap(([signal, one]) => (one?.worst_seconds == null ? [] : [`${signal} ${one.at_most === null ? '' : 'at most '}${duration(one.worst_seconds)}`]));
  if (measured.length === 0) return null;
  return (
    <Text size="xs" c="dimmed">
      {service}, from sent to found: {measured.join(', ')}
    </Text>
  );
}

function Turned({ run, before }: { run: Run; before: Run }) {
  const link = useHref();
  const found = changes(before.checks, run.checks);
  return (
    <Group gap="xs" mt={4} role="group" aria-label="Since the run before">
      <Text size="xs" c="dimmed" component="span">
        Since <Link to={link(to.verify(before.id))}>the run before</Link>:
      </Text>
      {found.length === 0 && <Text size="xs">nothing turned.</Text>}
      {found.map((change) => (
        <Text key={`${change.service} ${change.id}`} size="xs">
          {change.id} <Verdict verdict={change.before ?? 'new'} /> → <Verdict verdict={change.after ?? 'gone'} />
        </Text>
      ))}
    </Group>
  );
}

interface RowProps {
  row: Folded;
  at: number;
  marked: boolean;
  several: boolean;
  opened: boolean;
  toggle: () => void;
}

function Row({ row: { check, under }, at, marked, several, opened, toggle }: RowProps) {
  return (
    <div role="listitem" data-row={at} data-marked={marked} className="row-mark alert-row">
      <UnstyledButton onClick={toggle} aria-expanded={opened} w="100%" py={5} px={4}>
        <Group gap="xs" wrap="nowrap" align="flex-start">
          {opened ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
          <Verdict verdict={check.status} />
          <div style={{ minWidth: 0, flex: 1 }}>
            <Text size="sm" className="wrap-anywhere">
              <b>{check.id}</b>{' '}
              {several && (
                <Text span size="xs" c="dimmed">
                  {check.service}{' '}
                </Text>
              )}
              {check.summary}
            </Text>
            {under.length > 0 && (
              <Text size="xs" c="dimmed" className="wrap-anywhere">
                explains {under.map((one) => one.id).join(', ')}
              </Text>
            )}
          </div>
        </Group>
      </UnstyledButton>
      {opened && (
        <Stack gap="sm" pl={28} pb="sm" pr={4}>
          <CheckDetail check={check} />
          {under.map((one) => (
            <div key={one.id}>
              <Group gap="xs" mb={4} wrap="nowrap" align="flex-start">
                <Verdict verdict={one.status} />
                <Text size="sm" className="wrap-anywhere">
                  <b>{one.id}</b> {one.summary}
                </Text>
              </Group>
              <CheckDetail check={one} />
            </div>
          ))}
          <Anchor component="button" type="button" size="xs" onClick={toggle} style={{ alignSelf: 'flex-start' }}>
            Close
          </Anchor>
        </Stack>
      )}
    </div>
  );
}
