/** All dashboards of the stack, to pick one. */
import { Badge, Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useKeys } from '../../shared/keys';
import { to, useHref } from '../../shared/links';
import { Failed, Nothing, Waiting } from '../../shared/states';
import { boards, type Listed } from './api';
import { OpenButton } from './FileOpener';

const found = (board: Listed, words: string): boolean => {
  const text = [board.title, board.description, ...board.tags].join(' ').toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
};

export function BoardList({ open }: { open: (file: File) => void }) {
  const { data, error, refetch } = useQuery({ queryKey: ['dashboards'], queryFn: ({ signal }) => boards(signal), staleTime: 60_000 });
  const [words, setWords] = useState('');
  const [current, setCurrent] = useState(-1);
  const field = useRef<HTMLInputElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const href = useHref();
  const shown = (data ?? []).filter((board) => found(board, words));
  const move = (by: number) => {
    const next = Math.min(shown.length - 1, Math.max(0, current + by));
    setCurrent(next);
    rows.current?.querySelectorAll<HTMLElement>('a')[next]?.focus();
  };
  useKeys({
    '/': () => field.current?.focus(),
    j: () => move(1),
    k: () => move(-1),
    Escape: () => field.current?.blur(),
  });
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2} size="h4">
          Dashboards
        </Title>
        <OpenButton open={open} />
      </Group>
      <TextInput
        ref={field}
        aria-label="Find a dashboard"
        placeholder="Find a dashboard ( / )"
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && shown[0] && void navigate(href(to.dashboard(shown[0].uid)))}
        maw={420}
      />
      <Text size="xs" c="dimmed">
        A dashboard of your own, as Grafana exports it, can be dropped here, too: it is read in this page and not uploaded.
      </Text>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting />}
      {data && !shown.length && <Nothing title={data.length ? 'No dashboard has these words' : 'The stack has no dashboards'}>{data.length ? 'Use fewer of them.' : 'They follow from the contract of your service: obsctl check says what is wrong with it.'}</Nothing>}
      <div ref={rows} className="board-list">
        {shown.map((board) => (
          <Paper key={board.uid} withBorder p="sm" component={Link} to={href(to.dashboard(board.uid))} className="plain board-card">
            <Group justify="space-between" wrap="nowrap" gap="xs">
              <Text fw={600}>{board.title}</Text>
              <Badge variant="light" color="gray" style={{ flex: 'none' }}>
                {board.panels} panels
              </Badge>
            </Group>
            <Text size="sm" c="dimmed">
              {board.description}
            </Text>
          </Paper>
        ))}
      </div>
    </Stack>
  );
}
