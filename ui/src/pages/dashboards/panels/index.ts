/** Panel type -> how it is drawn. */
import type { ComponentType } from 'react';
import { GraphPanel } from './Graph';
import { HeatmapPanel } from './Heatmap';
import { LogsPanel } from './LogsPanel';
import { StatPanel } from './Stat';
import { TablePanel } from './TablePanel';
import type { PanelProps } from './types';

export const KINDS: Readonly<Record<string, ComponentType<PanelProps>>> = {
  timeseries: GraphPanel,
  heatmap: HeatmapPanel,
  logs: LogsPanel,
  stat: StatPanel,
  table: TablePanel,
};
