/** Dashboards: the list of all, and one of them. */
import './dashboards.css';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useParams } from 'react-router';
import { Failed, Waiting } from '../../shared/states';
import { board } from './api';
import { BoardView } from './BoardView';
import { readBoard } from './grafana/read';
import { BoardList } from './BoardList';

export default function Dashboards() {
  const { uid } = useParams();
  return uid === undefined ? <BoardList /> : <Provisioned key={uid} uid={uid} />;
}

function Provisioned({ uid }: { uid: string }) {
  const { data, error, refetch } = useQuery({ queryKey: ['dashboard', uid], queryFn: ({ signal }) => board(uid, signal), staleTime: 60_000 });
  const read = useMemo(() => (data === undefined ? null : readBoard(data)), [data]);
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  return read ? <BoardView board={read} /> : <Waiting />;
}
