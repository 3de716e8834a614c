/** The pages, in the order of the navigation. Each is loaded when it is opened. */
import type { ComponentType } from 'react';
import { IconBell, IconBoard, IconChart, IconChecklist, IconLogs, IconPulse, IconRocket, IconTimeline, type Icon } from '../shared/icons';

export interface Page {
  path: string;
  /** Other paths that it serves. */
  also?: readonly string[];
  title: string;
  /** The second key of `g …`. */
  key: string;
  icon: Icon;
  load: () => Promise<{ default: ComponentType }>;
}

export const PAGES: readonly Page[] = [
  { path: '/', title: 'Overview', key: 'o', icon: IconPulse, load: () => import('./overview') },
  { path: '/dashboards', also: ['/dashboards/:uid'], title: 'Dashboards', key: 'd', icon: IconBoard, load: () => import('./dashboards') },
  { path: '/traces', also: ['/traces/:id'], title: 'Traces', key: 't', icon: IconTimeline, load: () => import('./traces') },
  { path: '/logs', title: 'Logs', key: 'l', icon: IconLogs, load: () => import('./logs') },
  { path: '/metrics', title: 'Metrics', key: 'm', icon: IconChart, load: () => import('./metrics') },
  { path: '/alerts', title: 'Alerts', key: 'a', icon: IconBell, load: () => import('./alerts') },
  { path: '/verify', title: 'Verify', key: 'v', icon: IconChecklist, load: () => import('./verify') },
  { path: '/start', title: 'Start', key: 's', icon: IconRocket, load: () => import('./start') },
];
