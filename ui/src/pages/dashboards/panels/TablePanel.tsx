/** A table: sorted by a click on a heading, virtual when it is long. */
import { Select } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { Link } from 'react-router';
import { inkOn } from '../data/colors';
import { fieldOf, show, thresholdColor, type Field } from '../data/fields';
import { rowsOf, sortedBy, tablesOf, transformed, type Cell, type Column, type DataTable } from '../data/tables';
import { destination } from '../grafana/destinations';
import type { Scope } from '../grafana/interpolate';
import { at, flag, numeric, objects, text } from '../grafana/json';
import type { PanelProps } from './types';
import { Time } from '../../../shared/Time';

const ROW = 28;

export function TablePanel({ panel, data, scope }: PanelProps) {
  const tables = useMemo(() => transformed(tablesOf(data.frames), panel.transformations), [data.frames, panel.transformations]);
  const [chosen, setChosen] = useState<number>();
  const index = Math.min(chosen ?? numeric(panel.options.frameIndex) ?? 0, tables.length - 1);
  const table = tables[index];
  if (!table) return null;
  const named = tables.map((one, number) => ({ value: String(number), label: one.name || one.refId }));
  return (
    <div className="panel-stack">
      <Rows table={table} panel={panel} scope={scope} />
      {tables.length > 1 && (
        <Select size="xs" aria-label={`Series of ${panel.title}`} data={named} value={String(index)} onChange={(value) => value !== null && setChosen(Number(value))} allowDeselect={false} />
      )}
    </div>
  );
}

interface Shown {
  column: Column;
  field: Field;
  title: string;
}

function Rows({ table, panel, scope }: { table: DataTable; panel: PanelProps['panel']; scope: Scope }) {
  const first = objects(panel.options.sortBy)[0];
  const [sort, setSort] = useState({ by: text(at(first, 'displayName')), down: flag(at(first, 'desc')) });
  const box = useRef<HTMLDivElement>(null);
  const columns = useMemo(
    () =>
      table.columns
        .map((column): Shown => {
          const field = fieldOf(panel, { name: column.name, refId: column.refId, type: column.type });
          return { column, field, title: field.name || column.name };
        })
        .filter(({ field }) => !flag(field.custom.hidden) && !flag(at(field.custom.hideFrom, 'viz'))),
    [table, panel],
  );
  const sorting = columns.find((one) => one.title === sort.by || one.column.name === sort.by)?.column.name;
  const sorted = useMemo(() => (sorting === undefined ? table : sortedBy(table, sorting, sort.down)), [table, sorting, sort.down]);
  const cells = useMemo(() => new Map(sorted.columns.map((column) => [column.name, column.cells])), [sorted]);
  const count = rowsOf(table);
  const rows = useVirtualizer({ count, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 12 });
  const items = rows.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div ref={box} className="panel-scroll" tabIndex={0} role="region" aria-label={`Table: ${panel.title}`}>
      <table className="panel-table" aria-rowcount={count}>
        {flag(panel.options.showHeader, true) && (
          <thead>
            <tr>
              {columns.map(({ column, title }) => (
                <th key={column.name} scope="col" className={column.type === 'number' ? 'right' : undefined} aria-sort={sorting === column.name ? (sort.down ? 'descending' : 'ascending') : 'none'}>
                  <button type="button" onClick={() => setSort({ by: column.name, down: sorting === column.name ? !sort.down : column.type === 'number' })}>
                    {title}
                    {sorting === column.name && (sort.down ? ' ↓' : ' ↑')}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {before > 0 && <tr style={{ height: before }} aria-hidden="true" />}
          {items.map((item) => (
            <tr key={item.key} style={{ height: ROW }}>
              {columns.map(({ column, field }) => (
                <TableCell key={column.name} value={cells.get(column.name)?.[item.index] ?? null} column={column} field={field} scope={scope} row={(name) => cells.get(name)?.[item.index] ?? null} names={table.columns.map((one) => one.name)} />
              ))}
            </tr>
          ))}
          {after > 0 && <tr style={{ height: after }} aria-hidden="true" />}
        </tbody>
      </table>
    </div>
  );
}

interface CellProps {
  value: Cell;
  column: Column;
  field: Field;
  scope: Scope;
  row: (name: string) => Cell;
  names: readonly string[];
}

function TableCell({ value, column, field, scope, row, names }: CellProps) {
  if (column.type === 'time' && typeof value === 'number') {
    return (
      <td>
        <Time milliseconds={value} />
      </td>
    );
  }
  const shown = show(value, field);
  const how = text(at(field.custom.cellOptions, 'type')) || text(field.custom.displayMode);
  const color = typeof value === 'number' ? (shown.color ?? thresholdColor(value, field)) : shown.color;
  const style = how.startsWith('color-background') && color ? { background: color, color: inkOn(color) } : how === 'color-text' || shown.mapped ? { color } : {};
  const content = value === null && !shown.mapped && !field.noValue ? '' : shown.text;
  const link = field.links[0] && content ? destination(field.links[0], { ...scope, clicked: clickedOn(value, content, column, row, names) }) : null;
  return (
    <td className={column.type === 'number' ? 'right' : undefined} style={style} title={content}>
      {link ? link.external ? <a href={link.href} target="_blank" rel="noreferrer noopener">{content}</a> : <Link to={link.href}>{content}</Link> : content}
    </td>
  ); // prettier-ignore
}

function clickedOn(value: Cell, shown: string, column: Column, row: (name: string) => Cell, names: readonly string[]): Record<string, string> {
  const text = (cell: Cell) => (cell === null ? '' : String(cell));
  const fields = names.flatMap((name, index): [string, string][] => [[`__data.fields.${name}`, text(row(name))], [`__data.fields.${index}`, text(row(name))]]); // prettier-ignore
  return { '__value.raw': text(value), '__value.text': shown, '__value.numeric': text(value), '__field.name': column.name, ...Object.fromEntries(fields) };
}
