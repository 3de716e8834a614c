/** Markdown as elements of React: no HTML is ever parsed. */
import { lexer, type Token, type Tokens } from 'marked';
import { Fragment, useMemo, type ReactNode } from 'react';

export function Markdown({ source }: { source: string }) {
  const tokens = useMemo(() => lexer(source), [source]);
  return <Blocks tokens={tokens} />;
}

function Blocks({ tokens }: { tokens: readonly Token[] }) {
  return tokens.map((token, index) => <Fragment key={index}>{drawn(token)}</Fragment>);
}

const inside = (token: { tokens?: Token[] | undefined; text?: string }): ReactNode => (token.tokens ? <Blocks tokens={token.tokens} /> : plain(token.text ?? ''));

/** The few entities that the lexer leaves in texts. */
const plain = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');

const SAFE = /^(https?:\/\/|\/(?!\/)|#|mailto:)/i;

function drawn(token: Token): ReactNode {
  switch (token.type) {
    case 'heading': {
      const Heading = `h${Math.min(6, (token as Tokens.Heading).depth + 2)}` as 'h3';
      return <Heading>{inside(token)}</Heading>;
    }
    case 'paragraph':
      return <p>{inside(token)}</p>;
    case 'list':
      return listed(token as Tokens.List);
    case 'code':
      return <pre>{(token as Tokens.Code).text}</pre>;
    case 'codespan':
      return <code>{plain((token as Tokens.Codespan).text)}</code>;
    case 'strong':
      return <strong>{inside(token)}</strong>;
    case 'em':
      return <em>{inside(token)}</em>;
    case 'del':
      return <del>{inside(token)}</del>;
    case 'blockquote':
      return <blockquote>{inside(token)}</blockquote>;
    case 'link':
      return linked(token as Tokens.Link);
    case 'table':
      return tabled(token as Tokens.Table);
    case 'hr':
      return <hr />;
    case 'br':
      return <br />;
    case 'space':
      return null;
    default:
      return inside(token as Tokens.Text);
  }
}

function listed(list: Tokens.List): ReactNode {
  const items = list.items.map((item, index) => <li key={index}>{inside(item)}</li>);
  return list.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
}

function linked(link: Tokens.Link): ReactNode {
  return SAFE.test(link.href) ? (
    <a href={link.href} target={link.href.startsWith('#') || link.href.startsWith('/') ? undefined : '_blank'} rel="noreferrer noopener">
      {inside(link)}
    </a>
  ) : (
    inside(link)
  );
}

function tabled(table: Tokens.Table): ReactNode {
  return (
    <table className="panel-table">
      <thead>
        <tr>
          {table.header.map((cell, index) => (
            <th key={index}>{inside(cell)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.rows.map((row, index) => (
          <tr key={index}>
            {row.map((cell, column) => (
              <td key={column}>{inside(cell)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
