/** Alerts, those that fire first; one is opened in place. */
import { Anchor, Button, Chip, Group, Stack, Table, Text, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'react-router';
import { IconChevronDown, IconChevronRight } from '../../shared/icons';
import { to, useHref } from '../../shared/links';
import { Loaded, Part } from '../../shared/Part';
import { useRows } from '../../shared/rows';
import { Nothing } from '../../shared/states';
import { ago, Time } from '../../shared/Time';
import { duration, format } from '../../shared/units';
import { useAlerts, type Alerts } from './data';
import { Find } from './Find';
import { matchesText, runbookName, STATES, type AlertRow, type State } from './model';
import { useParam } from './params';
import { Runbook } from './Runbook';
import { SilenceForm } from './SilenceForm';
import { StateBadge } from './StateBadge';

export function AlertList() {
  const query = useAlerts();
  return (
    <Part title="Alerts">
      <Loaded query={query} height={240}>
        {(data) => <Listed data={data} />}
      </Loaded>
    </Part>
  );
}

/** Without a choice: everything but what is quiet. */
function chosen(text: string): readonly State[] {
  const states = STATES.filter((state) => text.split(',').includes(state));
  return states.length ? states : STATES.filter((state) => state !== 'inactive');
}

function Listed({ data: { alerts, failures } }: { data: Alerts }) {
  const [find, setFind] = useParam('find');
  const [stateText, setStateText] = useParam('state');
  const [open, setOpen] = useParam('alert');
  const states = chosen(stateText);
  const rows = alerts.filter((row) => (states.includes(row.state) && matchesText(row, find)) || row.key === open);
  const toggle = (key: string) => setOpen(open === key ? '' : key);
  const marked = useRows(rows.length, (at) => toggle(rows[at]!.key));
  const count = (state: State) => alerts.filter((row) => row.state === state).length;
  return (
    <Stack gap="xs">
      {failures.map((failure) => (
        <Text key={failure} size="sm" className="some wrap-anywhere">
          {failure}
        </Text>
      ))}
      <Group gap="xs">
        <Find label="Find an alert" value={find} onChange={setFind} onLeave={() => setOpen('')} />
        <Chip.Group multiple value={[...states]} onChange={(next) => setStateText(next.join(','))}>
          <Group gap={6} role="group" aria-label="States">
            {STATES.map((state) => (
              <Chip key={state} value={state} size="xs">
                {state} {count(state)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Group>
      {rows.length === 0 ? (
        <Quiet alerts={alerts} showAll={() => setStateText(STATES.join(','))} />
      ) : (
        <Stack gap={0} role="list" aria-label="Alerts">
          {rows.map((row, at) => (
            <Row key={row.key} row={row} at={at} marked={at === marked} opened={row.key === open} toggle={() => toggle(row.key)} />
          ))}
        </Stack>
      )}
    </Stack>
  );
}

function Quiet({ alerts, showAll }: { alerts: readonly AlertRow[]; showAll: () => void }) {
  const quiet = alerts.filter((row) => row.state === 'inactive').length;
  if (alerts.length === 0) return <Nothing title="No alert is known.">Rules come with the service&apos;s spec; see the tab Rules.</Nothing>;
  const title = quiet === alerts.length ? 'Nothing fires.' : 'No alert is like that.';
  return (
    <Nothing title={title}>
      {quiet} are watched and quiet.{' '}
      <Anchor component="button" type="button" size="sm" onClick={showAll}>
        Show all
      </Anchor>
    </Nothing>
  );
}

interface RowProps {
  row: AlertRow;
  at: number;
  marked: boolean;
  opened: boolean;
  toggle: () => void;
}

function Row({ row, at, marked, opened, toggle }: RowProps) {
  return (
    <div role="listitem" data-row={at} data-marked={marked} className="row-mark alert-row">
      <UnstyledButton onClick={toggle} aria-expanded={opened} w="100%" py={6} px={4}>
        <Group gap="xs" wrap="nowrap" align="flex-start">
          {opened ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
          <StateBadge state={row.state} />
          <div style={{ minWidth: 0, flex: 1 }}>
            <Group gap={8}>
              <Text size="sm" fw={600} className="wrap-anywhere">
                {row.name}
              </Text>
              {row.since !== null && (
                <Text size="xs" c="dimmed">
                  {ago(row.since)}
                </Text>
              )}
            </Group>
            <Text size="xs" c="dimmed" className="wrap-anywhere">
              {row.annotations.summary}
            </Text>
          </div>
        </Group>
      </UnstyledButton>
      {opened && <Detail row={row} />}
    </div>
  );
}

function Detail({ row }: { row: AlertRow }) {
  const link = useHref();
  const [silencing, setSilencing] = useState(false);
  const [reading, setReading] = useState(false);
  const runbook = runbookName(row.annotations);
  const external = /^https?:\/\//.exec(row.annotations.runbook_url ?? '') ? row.annotations.runbook_url : undefined;
  return (
    <Stack gap="xs" pl={28} pb="sm" pr={4}>
      <Text size="sm" className="wrap-anywhere">
        {row.annotations.description}
      </Text>
      <Facts row={row} />
      <Group gap="sm">
        {row.query && (
          <Anchor component={Link} size="sm" to={link(to.metrics(row.query, around(row)))}>
            Query in Metrics
          </Anchor>
        )}
        <Anchor component={Link} size="sm" to={link(boardOf(row))}>
          Dashboard
        </Anchor>
        {runbook && (
          <Anchor component="button" type="button" size="sm" aria-expanded={reading} onClick={() => setReading(!reading)}>
            Runbook
          </Anchor>
        )}
        {external && (
          <Anchor href={external} target="_blank" rel="noreferrer" size="sm">
            Runbook&apos;s page
          </Anchor>
        )}
        <Button size="compact-sm" variant="light" onClick={() => setSilencing(true)}>
          Silence…
        </Button>
      </Group>
      {reading && <Runbook name={runbook} />}
      {silencing && <SilenceForm row={row} close={() => setSilencing(false)} />}
    </Stack>
  );
}

/** From a while before it began until now; the range that is shown where it does not fire. */
function around({ since }: AlertRow): { start: number; end: number } | undefined {
  if (since === null) return undefined;
  return { start: since / 1000 - 900, end: Date.now() / 1000 };
}

/** The dashboard that shows what the alert is about. */
export function boardOf(row: Pick<AlertRow, 'labels' | 'query' | 'name'> & { since: number | null }) {
  const { job, sloth_slo: slo } = row.labels;
  const uid = slo ? 'obsctl-slo' : /\bai_/.test(row.query) ? 'obsctl-ai' : /\bjobs_/.test(row.query) ? 'obsctl-jobs' : /^(up|process_)/.test(row.query) ? 'obsctl-process' : 'obsctl-http';
  const start = row.since === null ? undefined : { start: row.since / 1000 - 900, end: Date.now() / 1000 };
  return to.dashboard(uid, { ...(slo ? { slo } : job ? { job } : {}) }, start);
}

function Facts({ row }: { row: AlertRow }) {
  const labels = Object.entries(row.labels).filter(([name]) => name !== 'alertname');
  const facts: [string, React.ReactNode][] = [
    ...(row.since === null ? [] : [['since', <Time key="since" milliseconds={row.since} />] as [string, React.ReactNode]]),
    ...(row.value === null ? [] : [['value', format(row.value)] as [string, React.ReactNode]]),
    ...(row.holds ? [['has to hold', duration(row.holds)] as [string, React.ReactNode]] : []),
    ...(row.group ? [['group', row.group] as [string, React.ReactNode]] : []),
    ...(row.silencedBy.length ? [['silenced by', row.silencedBy.join(', ')] as [string, React.ReactNode]] : []),
    ...labels,
  ];
  return (
    <div className="scroll-x">
      <Table verticalSpacing={2} horizontalSpacing="xs" w="auto" aria-label="Labels and facts">
        <Table.Tbody>
          {facts.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th fw={400} c="dimmed">
                {name}
              </Table.Th>
              <Table.Td className="wrap-anywhere">{value}</Table.Td>
            </Table.Tr>
          ))}
          {row.query && (
            <Table.Tr>
              <Table.Th fw={400} c="dimmed">
                expression
              </Table.Th>
              <Table.Td className="mono wrap-anywhere">{row.query}</Table.Td>
            </Table.Tr>
          )}
        </Table.Tbody>
      </Table>
    </div>
  );
}
