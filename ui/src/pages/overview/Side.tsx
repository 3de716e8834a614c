/** The smaller parts of the overview: objectives, alerts, the last proof, what comes in, what failed. */
import { Anchor, Badge, Group, Progress, Stack, Table, Text } from '@mantine/core';
import { Link } from 'react-router';
import { to, useHref } from '../../shared/links';
import { Loaded, Part } from '../../shared/Part';
import type { RangeState } from '../../shared/range';
import { Nothing } from '../../shared/states';
import { ago, Time } from '../../shared/Time';
import { format } from '../../shared/units';
import { useAlerts } from '../alerts/data';
import { StateBadge } from '../alerts/StateBadge';
import { countsText, verdictColour } from '../verify/verdict';
import { useFailures, useIntake, useLatestRun, useSlos, type Slo } from './data';
import { intakeRates } from './intake';
import { durationText, percent, rateText } from './sources';

/** Sloth's fast burn: at this rate the budget of 30 days is gone in two. */
const FAST_BURN = 14.4;

export function Slos({ range }: { range: RangeState }) {
  const query = useSlos(range);
  const link = useHref();
  return (
    <Part title="Objectives" aside={<Anchor component={Link} size="xs" to={link(to.dashboard('obsctl-slo'))}>Dashboard</Anchor>}>
      <Loaded query={query} height={90}>
        {(slos) =>
          slos.length === 0 ? (
            <Nothing title="No objective is measured.">
              Declare one under <code>slos:</code> of obsctl.yaml; its rules come with the next <code>obsctl up</code>.
            </Nothing>
          ) : (
            <Stack gap="sm">
              {slos.map((slo) => (
                <SloLine key={slo.id} slo={slo} />
              ))}
            </Stack>
          )
        }
      </Loaded>
    </Part>
  );
}

function SloLine({ slo }: { slo: Slo }) {
  const link = useHref();
  const left = slo.budget === null ? null : Math.max(0, Math.min(1, slo.budget));
  const burning = slo.burn !== null && slo.burn >= 1;
  const colour = left === null ? 'gray' : left < 0.1 ? 'red' : left < 0.4 ? 'orange' : 'green';
  return (
    <div>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Anchor component={Link} size="sm" className="wrap-anywhere" to={link(to.metrics(`slo:current_burn_rate:ratio{sloth_id=${JSON.stringify(slo.id)}}`))}>
          {slo.service ? `${slo.service} · ${slo.name}` : slo.name}
        </Anchor>
        <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
          {slo.objective === null ? '' : `of ${Number((slo.objective * 100).toPrecision(6))} %`}
        </Text>
      </Group>
      <Progress value={(left ?? 0) * 100} color={colour} size="sm" my={3} aria-label={`Error budget left of ${slo.name}`} />
      <Text size="xs" component="div">
        {slo.budget === null ? 'no requests measured yet' : slo.budget < 0 ? `budget overdrawn by ${percent(-slo.budget)}` : `${percent(slo.budget)} of the budget left`}
        {slo.burn !== null && (
          <span className={slo.burn >= FAST_BURN ? 'bad' : burning ? 'some' : ''}> · burns at {Number(slo.burn.toPrecision(2))}×</span>
        )}
      </Text>
    </div>
  );
}

const ALERTS_SHOWN = 6;

export function Firing() {
  const query = useAlerts();
  const link = useHref();
  return (
    <Part title="Alerts" aside={<Anchor component={Link} size="xs" to={link(to.alerts())}>All</Anchor>}>
      <Loaded query={query} height={90}>
        {({ alerts, failures }) => {
          const active = alerts.filter((alert) => alert.state !== 'inactive');
          const watched = alerts.length - active.length;
          return (
            <Stack gap={6}>
              {failures.map((failure) => (
                <Text key={failure} size="xs" className="some">
                  {failure}
                </Text>
              ))}
              {active.length === 0 && <Text size="sm">{watched ? `None fires; ${watched} ${watched === 1 ? 'rule is' : 'rules are'} watched.` : 'None fires, and no rule is loaded.'}</Text>}
              {active.slice(0, ALERTS_SHOWN).map((alert) => (
                <Group key={alert.key} gap="xs" wrap="nowrap" align="flex-start">
                  <StateBadge state={alert.state} />
                  <div style={{ minWidth: 0 }}>
                    <Anchor component={Link} size="sm" fw={600} to={link(to.alerts(alert.key))}>
                      {alert.name}
                    </Anchor>
                    <Text size="xs" c="dimmed" className="wrap-anywhere">
                      {alert.annotations.summary} {alert.since !== null && `· ${ago(alert.since)}`}
                    </Text>
                  </div>
                </Group>
              ))}
              {active.length > ALERTS_SHOWN && <Text size="xs">and {active.length - ALERTS_SHOWN} more</Text>}
            </Stack>
          );
        }}
      </Loaded>
    </Part>
  );
}

export function LastVerify() {
  const query = useLatestRun();
  const link = useHref();
  return (
    <Part title="Last verify" aside={<Anchor component={Link} size="xs" to={link(to.verify())}>Runs</Anchor>}>
      <Loaded query={query} height={60}>
        {(run) =>
          run === null ? (
            <Text size="sm">
              Not run yet. <Link to={link(to.verify())}>Run it</Link>: it proves that the telemetry works, end to end.
            </Text>
          ) : (
            <Group gap="xs">
              <Badge color={verdictColour(run.verdict)} variant="light">
                {run.verdict}
              </Badge>
              <Anchor component={Link} size="sm" to={link(to.verify(run.id))}>
                {countsText(run.counts)}
              </Anchor>
              <Text size="xs" c="dimmed" component="span">
                <Time milliseconds={run.at * 1000} short /> · {ago(run.at * 1000)}
              </Text>
            </Group>
          )
        }
      </Loaded>
    </Part>
  );
}

export function IntakePart() {
  const { query, readings } = useIntake();
  return (
    <Part title="What came in, last minute">
      <Loaded query={query} height={100}>
        {(newest) =>
          !newest.supported ? (
            <Text size="sm">The receivers of this stack do not say what they take.</Text>
          ) : (
            <>
              <Table verticalSpacing={2} horizontalSpacing="xs">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Signal</Table.Th>
                    <Table.Th className="number">Received</Table.Th>
                    <Table.Th className="number">Refused</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {intakeRates(readings, newest).map(({ signal, unit, received, refused, total }) => (
                    <Table.Tr key={signal}>
                      <Table.Td>{signal}</Table.Td>
                      <Table.Td className="number">{received === null ? `${format(total)} so far` : rateText(received).replace(' /', ` ${unit}/`)}</Table.Td>
                      <Table.Td className={`number ${refused ? 'bad' : ''}`}>{refused.toLocaleString()}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
              {newest.losses.map((loss) => (
                <Text key={loss} size="xs" className="bad wrap-anywhere" mt={4}>
                  {loss}
                </Text>
              ))}
            </>
          )
        }
      </Loaded>
    </Part>
  );
}

export function Failures({ range }: { range: RangeState }) {
  const query = useFailures(range);
  const link = useHref();
  return (
    <Part title="Latest failed requests" aside={<Anchor component={Link} size="xs" to={link(to.traces({ errors: 'true' }))}>Search</Anchor>}>
      <Loaded query={query} height={160}>
        {({ traces, warnings }) => (
          <>
            {traces.length === 0 && <Text size="sm">None in this range.</Text>}
            <Stack gap={6}>
              {traces.map((trace) => (
                <Group key={trace.id} gap="xs" wrap="nowrap" justify="space-between">
                  <Anchor component={Link} size="sm" className="wrap-anywhere" to={link(to.trace(trace.id))}>
                    {trace.service || 'root not arrived'}: {trace.name || trace.id}
                  </Anchor>
                  <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }} component="span">
                    {durationText(trace.duration / 1000)} · <Time milliseconds={trace.start} short />
                  </Text>
                </Group>
              ))}
            </Stack>
            {warnings.map((warning) => (
              <Text key={warning} size="xs" c="dimmed" className="wrap-anywhere">
                {warning}
              </Text>
            ))}
          </>
        )}
      </Loaded>
    </Part>
  );
}
