/** The map, the table of services, and what was picked in either. */
import { Anchor, Group, Table, Text, VisuallyHidden } from '@mantine/core';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { RED as RED_COLOUR } from '../../shared/charts/palette';
import { to, useHref } from '../../shared/links';
import { Loaded, Part } from '../../shared/Part';
import type { RangeState } from '../../shared/range';
import { useRows } from '../../shared/rows';
import { Nothing } from '../../shared/states';
import { useGraph, useRequests } from './data';
import { edgeKey, joined, ServiceMap } from './ServiceMap';
import { Sparkline } from './Sparkline';
import { durationText, health, percent, rateText, requestQueries, type Edge, type Red } from './sources';

export function Calls({ range }: { range: RangeState }) {
  const requests = useRequests(range);
  const graph = useGraph(range);
  const [params, setParams] = useSearchParams();
  const picked = params.get('service') ?? '';
  const pick = (what: string) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (what) next.set('service', what);
        else next.delete('service');
        return next;
      },
      { replace: true },
    );
  const rows = requests.data ?? [];
  return (
    <>
      <Part title="Services" aside={<Unmeasured shown={graph.data?.measured === false && graph.data.edges.length > 0} />}>
        <Loaded query={graph} height={220}>
          {({ edges }) => (edges.length || rows.length ? <ServiceMap edges={edges} rows={rows} picked={picked} onPick={pick} /> : <NoCalls />)}
        </Loaded>
        <Picked picked={picked} edges={joined(graph.data?.edges ?? [])} rows={rows} />
      </Part>
      <Part title="Requests">
        <Loaded query={requests} height={160}>
          {(found) => (found.length ? <RedTable rows={found} /> : <NoCalls />)}
        </Loaded>
      </Part>
    </>
  );
}

function Unmeasured({ shown }: { shown: boolean }) {
  if (!shown) return null;
  return (
    <Text size="xs" c="dimmed">
      Calls as the trace store counts them; failures and durations of calls need span metrics.
    </Text>
  );
}

function NoCalls() {
  const link = useHref();
  return (
    <Nothing title="No service answered a request in this range.">
      Send one, choose a longer range, or see <Link to={link(to.start())}>how a service sends its telemetry here</Link>.
    </Nothing>
  );
}

/** Where to go from what is picked; its place is kept while nothing is. */
function Picked({ picked, edges, rows }: { picked: string; edges: readonly Edge[]; rows: readonly Red[] }) {
  const edge = edges.find((one) => edgeKey(one) === picked);
  const row = rows.find((one) => one.service === picked);
  const sends = (name: string) => rows.some((one) => one.service === name);
  return (
    <Group gap="sm" mih={26} mt={6} aria-live="polite" role="status" aria-label="Picked">
      {row ? (
        <>
          <Text size="sm" fw={600}>
            {row.service}
          </Text>
          <ServiceLinks row={row} />
        </>
      ) : edge ? (
        <>
          <Text size="sm">
            {edge.from} calls {edge.to}
            {edge.kind && ` (${edge.kind.replaceAll('_', ' ')})`}: {rateText(edge.rate)}, {percent(edge.failed)} fail, p95 {durationText(edge.p95)}
          </Text>
          <TracesOf service={sends(edge.to) ? edge.to : edge.from} />
        </>
      ) : (
        <Text size="xs" c="dimmed">
          {picked ? `${picked} sends no spans of its own; what its callers say of it stands at the lines.` : 'Pick a service or a line to go to its traces, logs and dashboard.'}
        </Text>
      )}
    </Group>
  );
}

function TracesOf({ service }: { service: string }) {
  const link = useHref();
  return (
    <Anchor component={Link} size="sm" to={link(to.traces({ service }))} aria-label={`Traces of ${service}`}>
      Traces
    </Anchor>
  );
}

function ServiceLinks({ row: { service, source } }: { row: Red }) {
  const link = useHref();
  const others = [
    ['Failed', to.traces({ service, errors: 'true' })],
    ['Logs', to.logs(`{service_name=${JSON.stringify(service)}}`)],
    ['Dashboard', to.dashboard('obsctl-http', { job: service })],
    ...(source ? [['Metrics', to.metrics(requestQueries(source, '5m').rate)] as const] : []),
  ] as const;
  return (
    <Group gap={10} wrap="nowrap">
      <TracesOf service={service} />
      {others.map(([label, target]) => (
        <Anchor key={label} component={Link} size="sm" to={link(target)} aria-label={label === 'Failed' ? `Failed traces of ${service}` : `${label} of ${service}`}>
          {label}
        </Anchor>
      ))}
    </Group>
  );
}

function RedTable({ rows }: { rows: readonly Red[] }) {
  const link = useHref();
  const navigate = useNavigate();
  const marked = useRows(rows.length, (at) => void navigate(link(to.traces({ service: rows[at]!.service }))));
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label="Requests by service">
      <Table verticalSpacing={4} horizontalSpacing="xs" highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Service</Table.Th>
            <Table.Th className="number">Rate</Table.Th>
            <Table.Th className="number">Failed</Table.Th>
            <Table.Th className="number">p95</Table.Th>
            <Table.Th>
              <VisuallyHidden>Links</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, at) => (
            <Table.Tr key={row.service} data-row={at} data-marked={at === marked} className="row-mark">
              <Table.Td style={{ whiteSpace: 'nowrap' }}>
                <Anchor component={Link} size="sm" fw={600} to={link(to.traces({ service: row.service }))}>
                  {row.service}
                </Anchor>
              </Table.Td>
              <Value text={rateText(row.rate)} trail={<Sparkline trail={row.trails.rate} colour="var(--mantine-color-blue-5)" />} />
              <Value text={percent(row.failed)} tone={health(row.failed)} trail={<Sparkline trail={row.trails.failed} colour={RED_COLOUR} />} />
              <Value text={durationText(row.p95)} trail={<Sparkline trail={row.trails.p95} colour="var(--mantine-color-violet-5)" />} />
              <Table.Td>
                <ServiceLinks row={row} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function Value({ text, trail, tone }: { text: string; trail: React.ReactNode; tone?: string }) {
  return (
    <Table.Td className="number">
      <span className={tone}>{text}</span> {trail}
    </Table.Td>
  );
}
