/** Fields of the lines that are shown, with their values and how often they are there. */
import { Anchor, Text, UnstyledButton } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { LogLine } from '../../shared/api/logs';
import { inline } from '../../shared/text';
import { fieldCounts, type FieldCount } from './fields';
import type { OnFilter } from './LineDetails';

const FEW = 10;

export function FieldList({ lines, streamLabels, onFilter }: { lines: readonly LogLine[]; streamLabels: readonly string[]; onFilter: OnFilter }) {
  const fields = useMemo(() => fieldCounts(lines), [lines]);
  const [open, setOpen] = useState('');
  return (
    <aside className="field-list" aria-label="Fields">
      <Text size="xs" c="dimmed" mb={4}>
        Fields of the {lines.length} lines shown
      </Text>
      {fields.map((field) => {
        const key = `${field.isLabel ? 'label' : 'field'} ${field.name}`;
        return (
          <div key={key}>
            <UnstyledButton className="field-name" aria-expanded={open === key} onClick={() => setOpen(open === key ? '' : key)}>
              <span className={field.isLabel ? 'clip is-label' : 'clip'}>{inline(field.name)}</span>
              <small>
                {field.values.length} {field.values.length === 1 ? 'value' : 'values'}
              </small>
            </UnstyledButton>
            {open === key && <Values field={field} total={lines.length} streamLabels={streamLabels} onFilter={onFilter} />}
          </div>
        );
      })}
    </aside>
  );
}

function Values({ field, total, streamLabels, onFilter }: { field: FieldCount; total: number; streamLabels: readonly string[]; onFilter: OnFilter }) {
  const [all, setAll] = useState(false);
  const from = field.isLabel ? (streamLabels.includes(field.name) ? 'stream' : 'metadata') : field.format === 'logfmt' ? 'logfmt' : 'json';
  const shown = all ? field.values.slice(0, FEW * 10) : field.values.slice(0, FEW);
  return (
    <ul>
      {shown.map(({ value, lines }) => (
        <li key={value}>
          <UnstyledButton
            className="field-value"
            disabled={!onFilter || !field.label}
            onClick={() => onFilter?.({ label: field.label, value, from }, true)}
            aria-label={`Only lines with ${inline(field.name)} ${inline(value)}, ${lines} lines`}
          >
            <i style={{ width: `${(lines / total) * 100}%` }} />
            <span className="clip mono">{inline(value) || '(empty)'}</span>
            <small>{lines}</small>
          </UnstyledButton>
        </li>
      ))}
      {field.values.length > FEW && (
        <Anchor component="button" type="button" size="xs" onClick={() => setAll(!all)}>
          {all ? 'fewer' : `${Math.min(field.values.length, FEW * 10) - FEW} more`}
        </Anchor>
      )}
    </ul>
  );
}
