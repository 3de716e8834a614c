/** What makes many series: metrics, labels, values; and the labels of one family. */
import { Anchor, Progress, Select, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { get } from '../../shared/api/http';
import * as metrics from '../../shared/api/metrics';
import { to, useHref } from '../../shared/links';
import { Failed, Nothing, Waiting } from '../../shared/states';
import { useFamilies } from './Browser';
import { labelUse } from './families';

interface Counted {
  name: string;
  value: number;
}
interface Status {
  headStats?: { numSeries?: number; numLabelPairs?: number };
  seriesCountByMetricName?: Counted[];
  labelValueCountByLabelName?: Counted[];
  seriesCountByLabelValuePair?: Counted[];
}

const status = (signal: AbortSignal) => get<{ data: Status }>('/proxy/metrics/api/v1/status/tsdb', { limit: 20 }, signal).then((answer) => answer.data);

export function Cardinality() {
  const { data, error, refetch } = useQuery({ queryKey: ['tsdb'], queryFn: ({ signal }) => status(signal), staleTime: 30_000 });
  const href = useHref();
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed">
        Every combination of labels is a series, which costs memory and time. {data?.headStats?.numSeries !== undefined && `The server has ${data.headStats.numSeries} now.`}
      </Text>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting />}
      {data && (
        <SimpleGrid cols={{ base: 1, lg: 3 }}>
          <Counts title="Series by metric" counted={data.seriesCountByMetricName ?? []} link={(name) => href(to.metrics(`count({__name__=${JSON.stringify(name)}})`))} />
          <Counts title="Values by label" counted={data.labelValueCountByLabelName ?? []} />
          <Counts title="Series by label and value" counted={data.seriesCountByLabelValuePair ?? []} />
        </SimpleGrid>
      )}
      <OfFamily />
    </Stack>
  );
}

function Counts({ title, counted, link }: { title: string; counted: readonly Counted[]; link?: (name: string) => string }) {
  const most = counted.reduce((high, one) => Math.max(high, one.value), 1);
  return (
    <section aria-label={title} style={{ minWidth: 0 }}>
      <Title order={3} size="sm">
        {title}
      </Title>
      {!counted.length && <Text size="sm">The server does not say it.</Text>}
      <Table fz="xs" verticalSpacing={3} layout="fixed">
        <Table.Tbody>
          {counted.map(({ name, value }) => (
            <Table.Tr key={name}>
              <Table.Td className="wrap-anywhere">
                {link ? (
                  <Anchor component={Link} to={link(name)} size="xs">
                    {name}
                  </Anchor>
                ) : (
                  name
                )}
                <Progress value={(value / most) * 100} size={3} aria-label={`${name}: ${value}`} />
              </Table.Td>
              <Table.Td w={72} ta="right">
                {value}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

function OfFamily() {
  const { families } = useFamilies();
  const [name, setName] = useState<string | null>(null);
  const family = families?.find((one) => one.name === name);
  const { data, error, refetch } = useQuery({
    queryKey: ['series-of', family?.names],
    queryFn: ({ signal }) => metrics.series((family?.names ?? []).map((one) => `{__name__=${JSON.stringify(one)}}`), undefined, undefined, signal),
    enabled: family !== undefined,
  });
  const uses = data ? labelUse(data).filter((use) => use.label !== '__name__') : [];
  return (
    <section aria-label="Labels of one family">
      <Title order={3} size="sm" mb={4}>
        Labels of one family
      </Title>
      <Select size="xs" maw={420} aria-label="Family" placeholder="Pick one" searchable limit={200} data={(families ?? []).map((one) => one.name)} value={name} onChange={setName} />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {data && !uses.length && <Nothing title="Its series have no labels" />}
      {uses.length > 0 && (
        <Table fz="xs" mt="xs" verticalSpacing={3}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Label</Table.Th>
              <Table.Th>Values</Table.Th>
              <Table.Th>Most series</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {uses.map((use) => (
              <Table.Tr key={use.label}>
                <Table.Td>{use.label}</Table.Td>
                <Table.Td>{use.values}</Table.Td>
                <Table.Td className="wrap-anywhere">{use.top.map(([value, series]) => `${value || '(empty)'}: ${series}`).join(', ')}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}
