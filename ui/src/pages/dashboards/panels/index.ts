/** Panel type -> how it is drawn. */
import type { ComponentType } from 'react';
import { BarGaugePanel } from './BarGauge';
import { GaugePanel } from './Gauge';
import { GraphPanel } from './Graph';
import { HeatmapPanel } from './Heatmap';
import { LogsPanel } from './LogsPanel';
import { PiePanel } from './Pie';
import { StatPanel } from './Stat';
import { StatesPanel } from './States';
import { TablePanel } from './TablePanel';
import type { PanelProps } from './types';

export const KINDS: Readonly<Record<string, ComponentType<PanelProps>>> = {
  timeseries: GraphPanel,
  heatmap: HeatmapPanel,
  logs: LogsPanel,
  stat: StatPanel,
  table: TablePanel,
  gauge: GaugePanel,
  bargauge: BarGaugePanel,
  'state-timeline': StatesPanel,
  'status-history': StatesPanel,
  piechart: PiePanel,
};
