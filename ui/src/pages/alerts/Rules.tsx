/** The rules that Prometheus evaluates: are they healthy, what do they cost. */
import { Anchor, Badge, Button, Group, Stack, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'react-router';
import type { Rule, RuleGroup } from '../../shared/api/metrics';
import { to, useHref } from '../../shared/links';
import { Loaded, Part } from '../../shared/Part';
import { Nothing } from '../../shared/states';
import { Time } from '../../shared/Time';
import { duration } from '../../shared/units';
import { useRules } from './data';
import { Find } from './Find';
import { useParam } from './params';

export function Rules() {
  const query = useRules();
  return (
    <Part title="Rules">
      <Loaded query={query} height={300}>
        {(groups) => <Listed groups={groups} />}
      </Loaded>
    </Part>
  );
}

interface Line {
  rule: Rule;
  group: RuleGroup;
}
/** So many rows are drawn without being asked for. */
const SHOWN = 150;

const found = ({ rule, group }: Line, text: string) =>
  text.toLowerCase().split(/\s+/).every((word) => `${rule.name} ${group.name} ${rule.type} ${rule.health} ${rule.query}`.toLowerCase().includes(word)); // prettier-ignore

function Listed({ groups }: { groups: readonly RuleGroup[] }) {
  const [find, setFind] = useParam('find');
  const [all, setAll] = useState(false);
  const lines = groups.flatMap((group) => group.rules.map((rule): Line => ({ rule, group })));
  const rows = lines.filter((line) => found(line, find)).sort((a, b) => Number(a.rule.health === 'ok') - Number(b.rule.health === 'ok'));
  const broken = lines.filter(({ rule }) => rule.health !== 'ok').length;
  if (lines.length === 0)
    return (
      <Nothing title="No rule is loaded.">
        Alerts and objectives of the spec become rules with <code>obsctl up</code>.
      </Nothing>
    );
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <Find label="Find a rule" value={find} onChange={setFind} />
        <Text size="sm" role="status">
          {lines.length} rules in {groups.length} groups, {broken ? <span className="bad">{broken} not healthy</span> : 'all healthy'}
        </Text>
      </Group>
      <div className="scroll-x" tabIndex={0} role="group" aria-label="Rules">
        <Table verticalSpacing={4} horizontalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Rule</Table.Th>
              <Table.Th>Health</Table.Th>
              <Table.Th className="number">Evaluation</Table.Th>
              <Table.Th>Last</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.slice(0, all ? undefined : SHOWN).map(({ rule, group }, at) => (
              <RuleRow key={`${group.file} ${group.name} ${rule.name} ${at}`} rule={rule} group={group} />
            ))}
          </Table.Tbody>
        </Table>
      </div>
      {!all && rows.length > SHOWN && (
        <Button variant="default" size="xs" onClick={() => setAll(true)}>
          Show all {rows.length}
        </Button>
      )}
    </Stack>
  );
}

function RuleRow({ rule, group }: Line) {
  const link = useHref();
  const colour = rule.health === 'ok' ? 'green' : rule.health === 'err' ? 'red' : 'gray';
  return (
    <Table.Tr>
      <Table.Td miw={220}>
        <Text size="sm" fw={600} className="wrap-anywhere">
          {rule.name}{' '}
          <Text span size="xs" c="dimmed" fw={400}>
            {rule.type} · {group.name}
          </Text>
        </Text>
        <Anchor component={Link} to={link(to.metrics(rule.query))} className="mono wrap-anywhere" title="Show in Metrics">
          {rule.query}
        </Anchor>
        {rule.lastError && (
          <Text size="xs" className="bad wrap-anywhere">
            {rule.lastError}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Badge size="sm" variant="light" color={colour}>
          {rule.health}
        </Badge>
      </Table.Td>
      <Table.Td className="number">{duration(rule.evaluationTime)}</Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Time milliseconds={Date.parse(rule.lastEvaluation)} short />
      </Table.Td>
    </Table.Tr>
  );
}
