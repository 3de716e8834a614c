/** Dashboards: the list of all, one of them, or one from a file of the reader's. */
import './dashboards.css';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useParams, useSearchParams } from 'react-router';
import { Failed, Waiting } from '../../shared/states';
import { board } from './api';
import { BoardList } from './BoardList';
import { BoardView } from './BoardView';
import { DropZone, OpenedFile } from './FileOpener';
import { readBoard } from './grafana/read';
import { useOpener } from './opened';

export default function Dashboards() {
  const { uid } = useParams();
  const [params] = useSearchParams();
  const opener = useOpener();
  const file = params.get('file');
  return (
    <>
      <DropZone opener={opener} />
      {uid !== undefined ? <Provisioned key={uid} uid={uid} /> : file === null ? <BoardList open={opener.open} /> : <OpenedFile name={file} open={opener.open} />}
    </>
  );
}

function Provisioned({ uid }: { uid: string }) {
  const { data, error, refetch } = useQuery({ queryKey: ['dashboard', uid], queryFn: ({ signal }) => board(uid, signal), staleTime: 60_000 });
  const read = useMemo(() => (data === undefined ? null : readBoard(data)), [data]);
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  return read ? <BoardView board={read} /> : <Waiting />;
}
