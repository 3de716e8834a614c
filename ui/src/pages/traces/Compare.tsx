/** Two traces: how much of each operation is in either, and how long it took. */
import { Anchor, Button, Group, Table, Text, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { to, useHref } from '../../shared/links';
import { Failed, Waiting } from '../../shared/states';
import { inline } from '../../shared/text';
import { duration } from '../../shared/units';
import { compared, type OperationPair, type Side } from './compare';
import { Minimap } from './Minimap';
import type { TraceModel } from './model';
import { WHOLE } from './rows';
import { serviceColours, useTrace } from './useTrace';

const SECOND = 1e9;
const MOST = 500;

interface Props {
  trace: TraceModel;
  /** Of the other trace, in any spelling that `obsctl trace` takes. */
  id: string;
  onCompare: (id: string | null) => void;
}

export function Compare({ trace, id, onCompare }: Props) {
  const { data: other, error, refetch } = useTrace(id);
  return (
    <section aria-label="Comparison" className="compare">
      <Pick key={id} id={id} onCompare={onCompare} />
      {error ? <Failed error={error} retry={() => void refetch()} /> : other ? <Pair a={trace} b={other} /> : <Waiting />}
    </section>
  );
}

function Pick({ id, onCompare }: { id: string; onCompare: Props['onCompare'] }) {
  const [draft, setDraft] = useState(id);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (draft.trim()) onCompare(draft.trim());
      }}
    >
      <Group gap="xs" mb="xs" align="end">
        <TextInput size="xs" label="Compare with trace" placeholder="trace id, request id or last" className="compare-id" value={draft} onChange={(event) => setDraft(event.currentTarget.value)} />
        <Button size="xs" type="submit">
          Compare
        </Button>
        <Button size="xs" variant="default" onClick={() => onCompare(null)}>
          Back to the trace
        </Button>
      </Group>
    </form>
  );
}

function Pair({ a, b }: { a: TraceModel; b: TraceModel }) {
  const services = useMemo(() => [...new Set([...a.services, ...b.services])], [a, b]);
  const hues = useMemo(() => new Map(serviceColours(services).map((colour, index) => [services[index]!, colour])), [services]);
  const pairs = useMemo(() => compared(a, b), [a, b]);
  return (
    <>
      {[a, b].map((trace, index) => (
        <Overview key={index} name={index ? 'B' : 'A'} trace={trace} hues={hues} longest={Math.max(a.duration, b.duration)} />
      ))}
      <div className="scroll-x" tabIndex={0}>
        <Table fz="xs" verticalSpacing={2} striped aria-label="Operations of both traces">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Operation</Table.Th>
              {['Spans A', 'Spans B', 'Time in it A', 'Time in it B', 'B - A'].map((name) => (
                <Table.Th key={name} ta="right">
                  {name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {pairs.slice(0, MOST).map((pair) => (
              <PairRow key={JSON.stringify([pair.service, pair.name])} pair={pair} />
            ))}
          </Table.Tbody>
        </Table>
      </div>
      {pairs.length > MOST && <Text size="xs">{pairs.length - MOST} more operations differ less.</Text>}
    </>
  );
}

function Overview({ name, trace, hues, longest }: { name: string; trace: TraceModel; hues: ReadonlyMap<string, string>; longest: number }) {
  const link = useHref();
  const shades = useMemo(() => trace.services.map((service) => hues.get(service)!), [trace, hues]);
  const root = trace.spans[0];
  return (
    <div className="compare-one">
      <Group gap={6} fz="xs">
        <b>{name}</b>
        <Anchor component={Link} size="xs" to={link(to.trace(trace.id))}>
          {root ? `${inline(root.service)}: ${inline(root.name)}` : trace.id}
        </Anchor>
        <Text span inherit c="dimmed">
          {duration(trace.duration / SECOND)}, {trace.counts.spans} spans, {trace.counts.errors} errors
        </Text>
      </Group>
      <div style={{ width: `${(trace.duration / longest) * 100}%`, minWidth: 2 }}>
        <Minimap trace={trace} colours={shades} view={WHOLE} onView={() => undefined} />
      </div>
    </div>
  );
}

function PairRow({ pair }: { pair: OperationPair }) {
  const only = pair.a.count === 0 ? 'only in B' : pair.b.count === 0 ? 'only in A' : '';
  const count = (side: Side) => `${side.count}${side.errors ? ` (${side.errors} failed)` : ''}`;
  const time = (side: Side) => (side.count ? duration(side.self / SECOND) : '–');
  return (
    <Table.Tr>
      <Table.Td className="wrap-anywhere">
        <b>{inline(pair.service)}</b> {inline(pair.name)} {only && <small className="badge">{only}</small>}
      </Table.Td>
      <Table.Td ta="right">{count(pair.a)}</Table.Td>
      <Table.Td ta="right">{count(pair.b)}</Table.Td>
      <Table.Td ta="right">{time(pair.a)}</Table.Td>
      <Table.Td ta="right">{time(pair.b)}</Table.Td>
      <Table.Td ta="right">
        <b>
          {pair.more > 0 ? '+' : ''}
          {duration(pair.more / SECOND)}
        </b>
      </Table.Td>
    </Table.Tr>
  );
}
