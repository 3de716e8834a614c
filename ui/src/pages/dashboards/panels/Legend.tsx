/** Names of series with their colours and values. A click shows one alone, with Ctrl it hides or shows it. */
import { ActionIcon, Menu } from '@mantine/core';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { IconLink } from '../../../shared/icons';
import { calcWord, calculate } from '../data/calcs';
import { show } from '../data/fields';
import { at, flag, text, texts } from '../grafana/json';
import type { Scope } from '../grafana/interpolate';
import { destination } from '../grafana/destinations';
import type { Panel } from '../grafana/model';
import type { Line } from './lines';
import { toggled } from './toggled';

interface Props {
  panel: Panel;
  lines: readonly Line[];
  hidden: ReadonlySet<string>;
  setHidden: (hidden: ReadonlySet<string>) => void;
  scope: Scope;
  /** More to say of a series, by its key. */
  told?: ReadonlyMap<string, readonly string[]>;
}

export function Legend({ panel, lines, hidden, setHidden, scope, told }: Props) {
  const options = panel.options.legend;
  const calcs = useMemo(() => texts(at(options, 'calcs')), [options]);
  const shown = lines.filter((line) => line.inLegend);
  const [sort, setSort] = useState<{ by: string; down: boolean }>({ by: text(at(options, 'sortBy')), down: flag(at(options, 'sortDesc'), true) });
  const values = useMemo(
    () => new Map(lines.map((line) => [line.key, calcs.map((calc) => calculate(calc, line.frame.spots.map((spot) => spot[1])))])),
    [lines, calcs],
  );
  if (!flag(at(options, 'showLegend'), true) || at(options, 'displayMode') === 'hidden' || !shown.length) return null;
  const toggle = (key: string, alone: boolean) => setHidden(toggled(key, lines.map((line) => line.key), hidden, alone)); // prettier-ignore
  if (at(options, 'displayMode') !== 'table') {
    return (
      <ul className="legend" aria-label="Series">
        {shown.map((line) => (
          <li key={line.key}>
            <Name line={line} hidden={hidden.has(line.key)} toggle={toggle} />
            {calcs.map((calc, index) => (
              <span key={calc} className="legend-value">
                {calcWord(calc)}: {show(values.get(line.key)?.[index] ?? null, line.field).text}
              </span>
            ))}
            {told?.get(line.key)?.map((one) => (
              <span key={one} className="legend-value">
                {one}
              </span>
            ))}
          </li>
        ))}
      </ul>
    );
  }
  const column = calcs.findIndex((calc) => calc === sort.by || calcWord(calc).toLowerCase() === sort.by.toLowerCase());
  const size = (line: Line) => values.get(line.key)?.[column] ?? -Infinity;
  const rows = column < 0 ? shown : [...shown].sort((a, b) => (size(a) - size(b)) * (sort.down ? -1 : 1));
  return (
    <div className="legend">
      <table aria-label="Series">
        <thead>
          <tr>
            <th scope="col">Name</th>
            {calcs.map((calc) => (
              <th key={calc} scope="col" aria-sort={sort.by === calc ? (sort.down ? 'descending' : 'ascending') : 'none'}>
                <button type="button" onClick={() => setSort({ by: calc, down: sort.by !== calc || !sort.down })}>
                  {calcWord(calc)}
                </button>
              </th>
            ))}
            {told && <th scope="col">Value</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((line) => (
            <tr key={line.key}>
              <th scope="row">
                <Name line={line} hidden={hidden.has(line.key)} toggle={toggle} />
                <SeriesLinks line={line} scope={scope} />
              </th>
              {calcs.map((calc, index) => (
                <td key={calc}>{show(values.get(line.key)?.[index] ?? null, line.field).text}</td>
              ))}
              {told && <td>{told.get(line.key)?.join(' · ')}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Name({ line, hidden, toggle }: { line: Line; hidden: boolean; toggle: (key: string, alone: boolean) => void }) {
  return (
    <button type="button" className={hidden ? 'legend-name off' : 'legend-name'} aria-pressed={!hidden} title={line.name} onClick={(event) => toggle(line.key, !(event.ctrlKey || event.metaKey))}>
      <i style={{ background: line.color }} />
      {line.name}
    </button>
  );
}

/** The links of a series: to log lines and traces of what it is about. */
function SeriesLinks({ line, scope }: { line: Line; scope: Scope }) {
  const { links } = line.field;
  if (!links.length) return null;
  const clicked = { ...scope, clicked: { ...Object.fromEntries(Object.entries(line.frame.labels).map(([name, value]) => [`__field.labels.${name}`, value])), '__series.name': line.name, '__field.name': line.name } };
  const targets = links.flatMap((link) => destination(link, clicked) ?? []);
  return (
    <Menu position="bottom-start" withinPortal>
      <Menu.Target>
        <ActionIcon size={14} variant="transparent" color="gray" aria-label={`Links of ${line.name}`}>
          <IconLink size={12} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {targets.map((target) =>
          target.external ? (
            <Menu.Item key={target.title} component="a" href={target.href} target="_blank" rel="noreferrer noopener">
              {target.title}
            </Menu.Item>
          ) : (
            <Menu.Item key={target.title} component={Link} to={target.href}>
              {target.title}
            </Menu.Item>
          ),
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
