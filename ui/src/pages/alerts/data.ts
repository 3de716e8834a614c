/** What is asked of Prometheus and Alertmanager about alerts. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { alerts as managedAlerts, silences } from '../../shared/api/alerts';
import { get } from '../../shared/api/http';
import { rules, type Labels } from '../../shared/api/metrics';
import { useStack } from '../../shared/api/obsctl';
import { alertRows, type AlertRow } from './model';

const POLL_MILLISECONDS = 5000;

export interface Alerts {
  alerts: AlertRow[];
  /** What one of the two could not say. */
  failures: string[];
}

const reason = (result: PromiseSettledResult<unknown>) => (result.status === 'rejected' ? (result.reason as Error).message : '');

async function both(managed: boolean, signal: AbortSignal): Promise<Alerts> {
  const [groups, known] = await Promise.allSettled([rules(signal), managed ? managedAlerts(signal) : Promise.resolve([])]);
  if (groups.status === 'rejected' && (known.status === 'rejected' || !managed)) throw groups.reason;
  const failures = [
    ...(groups.status === 'rejected' ? [`The rules cannot be read: ${reason(groups)} Only alerts that fire are shown.`] : []),
    ...(known.status === 'rejected' ? [`Alertmanager cannot be asked: ${reason(known)} Silences are not known.`] : []),
  ];
  const rows = alertRows(groups.status === 'fulfilled' ? groups.value : [], known.status === 'fulfilled' ? known.value : []);
  return { alerts: rows, failures };
}

export function useAlerts() {
  const { data: stack } = useStack();
  const managed = stack?.roles.alerts !== undefined;
  return useQuery({
    queryKey: ['alerts', managed],
    queryFn: ({ signal }) => both(managed, signal),
    enabled: stack !== undefined,
    refetchInterval: POLL_MILLISECONDS,
    placeholderData: keepPreviousData,
  });
}

export const useRules = () => useQuery({ queryKey: ['rules'], queryFn: ({ signal }) => rules(signal), refetchInterval: POLL_MILLISECONDS });

export function useSilences() {
  const { data: stack } = useStack();
  return useQuery({
    queryKey: ['silences'],
    queryFn: ({ signal }) => silences(signal),
    enabled: stack?.roles.alerts !== undefined,
    refetchInterval: POLL_MILLISECONDS,
  });
}

export interface Notified {
  /** Seconds since 1970. */
  at: number;
  alerts: { status?: string; labels?: Labels; annotations?: Labels; startsAt?: string; endsAt?: string }[];
}

export const useNotifications = () =>
  useQuery({
    queryKey: ['notifications'],
    queryFn: ({ signal }) => get<Notified[]>('/api/alerts/notifications', {}, signal),
    refetchInterval: POLL_MILLISECONDS,
  });

export const useRunbook = (name: string) =>
  useQuery({
    queryKey: ['runbook', name],
    queryFn: ({ signal }) => get<{ markdown: string }>(`/api/runbooks/${encodeURIComponent(name)}`, {}, signal),
    enabled: name !== '',
    staleTime: Infinity,
  });
