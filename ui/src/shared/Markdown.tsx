/** Markdown as React elements, from the tokens of `marked`'s lexer. Its HTML is shown as the text that it is. */
import { Anchor, Code, List, Table, Text, Title } from '@mantine/core';
import { lexer, type Token, type Tokens } from 'marked';
import { Fragment, useMemo, type ReactNode } from 'react';

export function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => lexer(text), [text]);
  return <Blocks tokens={tokens} />;
}

function Blocks({ tokens }: { tokens: readonly Token[] }) {
  return tokens.map((token, at) => <Block key={at} token={token} />);
}

function Block({ token }: { token: Token }): ReactNode {
  switch (token.type) {
    case 'heading': {
      const { depth, tokens } = token as Tokens.Heading;
      return (
        <Title order={Math.min(6, depth + 2) as 3} size={depth <= 1 ? 'h4' : 'h6'} mt={depth <= 1 ? 0 : 'sm'} mb={4}>
          <Inlines tokens={tokens} />
        </Title>
      );
    }
    case 'paragraph':
      return (
        <Text size="sm" mb={8} className="wrap-anywhere">
          <Inlines tokens={(token as Tokens.Paragraph).tokens} />
        </Text>
      );
    case 'code':
      return (
        <Code block mb={8} style={{ whiteSpace: 'pre-wrap' }} className="wrap-anywhere">
          {(token as Tokens.Code).text}
        </Code>
      );
    case 'list': {
      const { ordered, items } = token as Tokens.List;
      return (
        <List type={ordered ? 'ordered' : 'unordered'} size="sm" mb={8} withPadding>
          {items.map((item, at) => (
            <List.Item key={at}>
              <Blocks tokens={item.tokens} />
            </List.Item>
          ))}
        </List>
      );
    }
    case 'blockquote':
      return (
        <div style={{ borderLeft: '3px solid var(--mantine-color-default-border)', paddingLeft: 12 }}>
          <Blocks tokens={(token as Tokens.Blockquote).tokens} />
        </div>
      );
    case 'table':
      return <Cells table={token as Tokens.Table} />;
    case 'hr':
      return <hr />;
    case 'space':
    case 'def':
      return null;
    default:
      return 'tokens' in token ? <Inlines tokens={token.tokens} /> : <>{token.raw}</>;
  }
}

function Cells({ table }: { table: Tokens.Table }) {
  return (
    <div className="scroll-x">
      <Table verticalSpacing={2} mb={8}>
        <Table.Thead>
          <Table.Tr>
            {table.header.map((cell, at) => (
              <Table.Th key={at}>
                <Inlines tokens={cell.tokens} />
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {table.rows.map((row, at) => (
            <Table.Tr key={at}>
              {row.map((cell, column) => (
                <Table.Td key={column}>
                  <Inlines tokens={cell.tokens} />
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

/** Where a link may lead; one into files, as documentation has them, leads nowhere from here. */
const SAFE = /^(https?:\/\/|\/(?!\/)|#|mailto:)/i;

/** The few entities that the lexer leaves in texts. */
const plain = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');

function Inlines({ tokens }: { tokens: readonly Token[] | undefined }) {
  return (tokens ?? []).map((token, at) => <Fragment key={at}>{inline(token)}</Fragment>);
}

function inline(token: Token): ReactNode {
  switch (token.type) {
    case 'strong':
      return (
        <strong>
          <Inlines tokens={token.tokens} />
        </strong>
      );
    case 'em':
      return (
        <em>
          <Inlines tokens={token.tokens} />
        </em>
      );
    case 'del':
      return (
        <del>
          <Inlines tokens={token.tokens} />
        </del>
      );
    case 'codespan':
      return <Code className="wrap-anywhere">{plain((token as Tokens.Codespan).text)}</Code>;
    case 'br':
      return <br />;
    case 'link': {
      const { href, tokens } = token as Tokens.Link;
      if (!SAFE.test(href)) return <Inlines tokens={tokens} />;
      return (
        <Anchor href={href} target={/^[#/]/.test(href) ? undefined : '_blank'} rel="noreferrer noopener" inherit>
          <Inlines tokens={tokens} />
        </Anchor>
      );
    }
    case 'escape':
      return (token as Tokens.Escape).text;
    default:
      if ('tokens' in token) return <Inlines tokens={token.tokens} />;
      return token.type === 'text' ? plain((token as Tokens.Text).text) : token.raw;
  }
}
