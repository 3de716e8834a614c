/** What obsctl itself says of the stack. */
import { useQuery } from '@tanstack/react-query';
import { get } from './http';

export type RoleName = 'otlp-grpc' | 'otlp-http' | 'metrics' | 'logs' | 'traces' | 'alerts' | 'dashboards' | 'shipper' | 'service';
export interface Endpoint {
  name: string;
  url: string;
  dialect: string;
  /** Features of the dialect that the server is known not to have. */
  without: string[];
  /** Seconds until what is written is found. */
  lag: number;
}
export interface Component {
  name: string;
  service_name: string;
  job: string;
  url: string;
}
export interface Service {
  name: string;
  components: Component[];
  /** Whether `verify` has requests to send to it. */
  driven: boolean;
}
export interface Stack {
  name: string;
  runtime: 'embedded' | 'docker' | 'remote';
  version: string;
  /** Seconds. */
  scrape_interval: number;
  services: Service[];
  roles: Partial<Record<RoleName, Endpoint>>;
}
export interface Intake {
  /** Seconds since 1970. */
  at: number;
  signals: Partial<Record<'traces' | 'metrics' | 'logs', { received: number; refused: number }>>;
  losses: string[];
  supported: boolean;
}

export const stack = (signal?: AbortSignal) => get<Stack>('/api/stack', {}, signal);
export const intake = (signal?: AbortSignal) => get<Intake>('/api/intake', {}, signal);

/** The stack; asked once, since it changes only when `obsctl up` runs again. */
export const useStack = () => useQuery({ queryKey: ['stack'], queryFn: ({ signal }) => stack(signal), staleTime: 60_000 });
