/** Alertmanager's API v2: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml. */
import { get, write } from './http';
import type { Labels } from './metrics';

export interface Alert {
  fingerprint: string;
  labels: Labels;
  annotations: Labels;
  startsAt: string;
  endsAt: string;
  updatedAt: string;
  generatorURL?: string;
  receivers: { name: string }[];
  status: { state: 'active' | 'suppressed' | 'unprocessed'; silencedBy: string[]; inhibitedBy: string[] };
}
export interface Matcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual?: boolean;
}
export interface Silence {
  id: string;
  matchers: Matcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
  status: { state: 'active' | 'pending' | 'expired' };
}

const API = '/proxy/alerts/api/v2/';

export const alerts = (signal?: AbortSignal) => get<Alert[]>(`${API}alerts`, {}, signal);
export const silences = (signal?: AbortSignal) => get<Silence[]>(`${API}silences`, {}, signal);
export const silence = (wanted: Omit<Silence, 'id' | 'status'>) => write<{ silenceID: string }>('POST', `${API}silences`, wanted);
export const expire = (id: string) => write<null>('DELETE', `${API}silence/${encodeURIComponent(id)}`);
