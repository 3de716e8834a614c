/** A trace as the pages draw it, asked once. */
import { useQuery } from '@tanstack/react-query';
import { colours } from '../../shared/charts/palette';
import { assembledTrace } from './answer';
import { modelOf } from './model';

export function useTrace(id: string) {
  return useQuery({
    queryKey: ['trace', id],
    queryFn: async ({ signal }) => modelOf(await assembledTrace(id, signal)),
    structuralSharing: false,
    staleTime: Infinity,
  });
}

export function serviceColours(services: readonly string[]): string[] {
  const found = colours(services);
  return services.map((name) => found.get(name)!);
}
