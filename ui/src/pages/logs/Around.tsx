/** The lines before and after one, of the same stream. */
import { Anchor, Text } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { logLines, type LogLine } from '../../shared/api/logs';
import { levelColour } from '../../shared/levels';
import { Failed, Waiting } from '../../shared/states';
import { inline } from '../../shared/text';
import { parsedLine } from './fields';
import { clock } from './clock';
import { streamSelector } from './query';

const STEP = 5;
const MOST = 100;
/** How far from the line is looked, in seconds. */
const REACH = 3600;

/** Lines before (oldest first) and after a line. Both searches may meet the line itself and others of its moment. */
export function split(line: LogLine, before: readonly LogLine[], after: readonly LogLine[], count: number): { before: LogLine[]; after: LogLine[] } {
  const isIt = (other: LogLine) => other.at === line.at && other.line === line.line;
  const earlier = before.filter((other) => other.at < line.at).slice(0, count);
  const later = after.filter((other) => other.at >= line.at && !isIt(other)).slice(0, count);
  return { before: earlier.reverse(), after: later };
}

export function Around({ line, streamLabels }: { line: LogLine; streamLabels: readonly string[] }) {
  const [count, setCount] = useState(STEP);
  const selector = streamSelector(line.labels, streamLabels);
  const at = Number(line.at / 1_000_000_000n);
  const { data, error, refetch } = useQuery({
    queryKey: ['around', selector, String(line.at), count],
    enabled: selector !== '{}',
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const [before, after] = await Promise.all([
        logLines(selector, at - REACH, at + 1, count * 4 + 50, { signal }),
        logLines(selector, at, at + REACH, count * 4 + 50, { direction: 'forward', signal }),
      ]);
      return split(line, before, after, count);
    },
  });
  if (selector === '{}') return <Text size="xs">The labels of this line name no stream.</Text>;
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting height={60} />;
  return (
    <section className="around" aria-label="Lines around it">
      <Text size="xs" c="dimmed">
        {data.before.length} before and {data.after.length} after in {inline(selector)}{' '}
        {count < MOST && (
          <Anchor component="button" type="button" size="xs" onClick={() => setCount(count * 2)}>
            more
          </Anchor>
        )}
      </Text>
      {[...data.before, line, ...data.after].map((one, index) => {
        const parsed = parsedLine(one);
        return (
          <div key={index} className={`around-line${one === line ? ' hit' : ''}`} style={{ borderLeftColor: levelColour(parsed.level) }}>
            <span className="mono">{clock(one.at)}</span> {inline(parsed.message)}
          </div>
        );
      })}
    </section>
  );
}
