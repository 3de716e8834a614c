import { get } from '../../shared/api/http';

export interface Listed {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  panels: number;
}

export const boards = (signal?: AbortSignal) => get<Listed[]>('/api/dashboards', {}, signal);
export const board = (uid: string, signal?: AbortSignal) => get<unknown>(`/api/dashboards/${encodeURIComponent(uid)}`, {}, signal);
