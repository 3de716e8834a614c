/** Opening a dashboard from the reader's disk: a button, and dropping a file anywhere on the page. */
import { Alert, Button, FileButton, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { Boundary } from '../../shared/Boundary';
import { to, useHref } from '../../shared/links';
import { Nothing } from '../../shared/states';
import { BoardView } from './BoardView';
import { heldFile, type Opener } from './opened';

export function OpenButton({ open }: { open: Opener['open'] }) {
  return (
    <FileButton accept="application/json,.json" onChange={(file) => file && open(file)}>
      {(props) => (
        <Button {...props} size="compact-sm" variant="default">
          Open a file of Grafana
        </Button>
      )}
    </FileButton>
  );
}

/** Takes what is dropped on the page, and says why a file could not be opened. */
export function DropZone({ opener }: { opener: Opener }) {
  const { open, fault, forget } = opener;
  const over = useDropped(open);
  return (
    <>
      {over && (
        <div className="drop-here" role="status">
          Drop the file to open it as a dashboard
        </div>
      )}
      {fault && (
        <Alert color="red" variant="light" mb="xs" withCloseButton closeButtonLabel="Close" onClose={forget} title="The file cannot be opened" className="wrap-anywhere">
          {fault}
        </Alert>
      )}
    </>
  );
}

/** Whether a file is held over the page; `open` gets it where it is dropped. A browser would leave the page for it. */
function useDropped(open: Opener['open']): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const ended = new AbortController();
    const on = (name: 'dragover' | 'dragleave' | 'drop', then: (event: DragEvent) => void) =>
      window.addEventListener(
        name,
        (event) => {
          if (!event.dataTransfer?.types.includes('Files')) return;
          event.preventDefault();
          then(event);
        },
        { signal: ended.signal },
      );
    on('dragover', () => setOver(true));
    on('dragleave', (event) => event.relatedTarget === null && setOver(false));
    on('drop', (event) => {
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file) open(file);
    });
    return () => ended.abort();
  }, [open]);
  return over;
}

export function OpenedFile({ name, open }: { name: string; open: Opener['open'] }) {
  const href = useHref();
  const board = heldFile(name);
  const list = href({ page: to.dashboard('').page.replace(/\/$/, '') });
  if (!board) {
    return (
      <Nothing title={`${name} is not open here`}>
        <Text size="sm" mb="xs">
          A file stays in the page that opened it: it is not uploaded, and its address opens it for nobody else. Open it again.
        </Text>
        <OpenButton open={open} />
      </Nothing>
    );
  }
  const actions = (
    <>
      <OpenButton open={open} />
      <Button size="compact-sm" variant="default" component={Link} to={list}>
        Close the file
      </Button>
    </>
  );
  return (
    <Boundary key={name}>
      <BoardView board={board} actions={actions} said={`${name}, from your disk: nothing of it is uploaded, and this address opens it for nobody else.`} />
    </Boundary>
  );
}
