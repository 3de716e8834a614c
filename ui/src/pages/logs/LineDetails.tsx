/** What a log line says, field by field: copy, keep only, leave out; its trace, and the lines around it. */
import { ActionIcon, Anchor, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'react-router';
import type { LogLine } from '../../shared/api/logs';
import { CopyText } from '../../shared/CopyText';
import { IconFilter } from '../../shared/icons';
import { to, useHref } from '../../shared/links';
import { inline, visible } from '../../shared/text';
import { Around } from './Around';
import { parsedLine, type Field } from './fields';
import type { Filter } from './query';

export type OnFilter = ((filter: Filter, keep: boolean) => void) | undefined;

interface Props {
  line: LogLine;
  streamLabels: readonly string[];
  onFilter: OnFilter;
}

export function LineDetails({ line, streamLabels, onFilter }: Props) {
  const link = useHref();
  const parsed = parsedLine(line);
  const [around, setAround] = useState(false);
  const labels = Object.entries(line.labels);
  const source = (name: string) => (streamLabels.includes(name) ? 'stream' : 'metadata');
  return (
    <div className="line-details">
      <Group gap="sm" mb={4}>
        {parsed.traceId && (
          <Anchor component={Link} size="xs" to={link(to.trace(parsed.traceId, parsed.spanId || undefined))}>
            Open trace {parsed.traceId.slice(0, 16)}
          </Anchor>
        )}
        <Anchor component="button" type="button" size="xs" aria-expanded={around} onClick={() => setAround(!around)}>
          {around ? 'Hide the lines around it' : 'Lines around it'}
        </Anchor>
        <Group gap={2}>
          <Text size="xs" c="dimmed">
            line
          </Text>
          <CopyText text={line.line} label="Copy the line" />
        </Group>
        <Text size="xs" c="dimmed" className="mono">
          {new Date(Number(line.at / 1_000_000n)).toISOString()}
        </Text>
      </Group>
      {around && <Around line={line} streamLabels={streamLabels} />}
      {parsed.format === 'text' && <pre className="raw">{visible(line.line)}</pre>}
      <dl className="line-fields">
        {parsed.fields.map((field) => (
          <Pair key={`f${field.name}`} name={field.name} field={field} from={parsed.format === 'logfmt' ? 'logfmt' : 'json'} onFilter={onFilter} />
        ))}
        {labels.map(([name, value]) => (
          <Pair key={`l${name}`} name={name} field={{ name, label: name, value }} from={source(name)} onFilter={onFilter} isLabel />
        ))}
      </dl>
    </div>
  );
}

interface PairProps {
  name: string;
  field: Field;
  from: Filter['from'];
  isLabel?: boolean;
  onFilter: OnFilter;
}

function Pair({ name, field, from, isLabel = false, onFilter }: PairProps) {
  const filter = { label: field.label, value: field.value, from };
  return (
    <div>
      <dt className={isLabel ? 'is-label' : ''} title={isLabel ? (from === 'stream' ? 'label of the stream' : 'structured metadata') : 'field of the line'}>
        {inline(name)}
      </dt>
      <dd>
        <span className="value">{visible(field.value)}</span>
        <span className="line-actions">
          <CopyText text={field.value} label={`Copy ${inline(name)}`} />
          {onFilter && field.label && (
            <>
              <ActionIcon variant="subtle" color="gray" size={18} aria-label={`Only lines with this ${inline(name)}`} onClick={() => onFilter(filter, true)}>
                <IconFilter size={12} />
              </ActionIcon>
              <ActionIcon variant="subtle" color="gray" size={18} aria-label={`Leave out lines with this ${inline(name)}`} onClick={() => onFilter(filter, false)}>
                <span aria-hidden="true">≠</span>
              </ActionIcon>
            </>
          )}
        </span>
      </dd>
    </div>
  );
}
