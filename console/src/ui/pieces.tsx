// The small set every page is built from: page head, card, button, empty and failed states, tables that
// become cards on a narrow screen, and moments in time.
import { useEffect, useRef } from "react";
import type { ButtonHTMLAttributes, ReactNode } from "react";
import type { ApiError } from "../api/client";
import { formatAge, formatClock, formatDay, formatMoment, formatSeconds, momentOf } from "../i18n/quantities";
import { useWords } from "../i18n/i18n";
import { useNow } from "../live/live";
import { Icon } from "./Icon";
import type { IconName } from "./Icon";

interface PageProps {
  title: string; // also the browser's tab
  heading?: ReactNode; // when it is more than the title
  intro?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  testId: string;
}

export function Page({ title, heading, intro, aside, children, testId }: PageProps) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Holdfast`;
  }, [title]);
  useEffect(() => head.current?.focus({ preventScroll: true }), []); // a new page is read from its title on
  return (
    <div className="page" data-testid={testId}>
      <header className="page-head">
        <div>
          <h1 ref={head} tabIndex={-1}>
            {heading ?? title}
          </h1>
          {intro && <p className="intro">{intro}</p>}
        </div>
        {aside && <div className="page-aside">{aside}</div>}
      </header>
      {children}
    </div>
  );
}

interface CardProps {
  title?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  testId?: string;
  tone?: "good" | "warn" | "bad" | "quiet" | "info" | undefined;
}

export function Card({ title, aside, children, testId, tone }: CardProps) {
  return (
    <section className={`card${tone ? ` card-${tone}` : ""}`} data-testid={testId}>
      {(title || aside) && (
        <header className="card-head">
          {title && <h2>{title}</h2>}
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  kind?: "plain" | "main" | "danger" | "ghost";
  icon?: IconName;
  testId?: string;
};

export function Button({ kind = "plain", icon, testId, children, className, ...rest }: ButtonProps) {
  return (
    <button type="button" className={`button button-${kind} ${className ?? ""}`} data-testid={testId} {...rest}>
      {icon && <Icon name={icon} size={18} />}
      {children}
    </button>
  );
}

export function Empty({ icon = "check", title, children, testId }: { icon?: IconName; title: string; children?: ReactNode; testId?: string }) {
  return (
    <div className="empty" data-testid={testId ?? "empty"}>
      <Icon name={icon} size={28} />
      <p className="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Loading() {
  const { t } = useWords();
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">{t("loading")}</span>
      <i />
      <i />
      <i />
    </div>
  );
}

export function Failed({ error, retry }: { error: ApiError; retry?: () => void }) {
  const { t } = useWords();
  return (
    <div className="failed" role="alert" data-testid="failed">
      <Icon name="incident" />
      <div>
        <p className="empty-title">{error.unreachable ? t("failed.unreachable") : t("failed.answer")}</p>
        {!error.unreachable && <p>{error.message}</p>}
      </div>
      {retry && <Button onClick={retry}>{t("retry")}</Button>}
    </div>
  );
}

// Data, or why there is none.
export function Ready<T>({ of, children }: { of: { data: T | null; error: ApiError | null; reload: () => void }; children: (data: T) => ReactNode }) {
  if (of.data !== null) {
    return (
      <>
        {of.error && !of.error.unreachable && <Failed error={of.error} retry={of.reload} />}
        {children(of.data)}
      </>
    );
  }
  return of.error ? <Failed error={of.error} retry={of.reload} /> : <Loading />;
}

export interface Column<T> {
  title: string;
  cell: (row: T) => ReactNode;
  numeric?: boolean;
  head?: boolean; // names the row; the card's title on a narrow screen
}

interface TableProps<T> {
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  rowTestId?: (row: T) => string;
  caption: string;
}

export function Table<T>({ columns, rows, rowKey, rowTestId, caption }: TableProps<T>) {
  return (
    <table className="table">
      <caption className="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.title} scope="col" className={column.numeric ? "numeric" : undefined}>
              {column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)} data-testid={rowTestId?.(row)}>
            {columns.map((column) =>
              column.head ? (
                <th key={column.title} scope="row">
                  {column.cell(row)}
                </th>
              ) : (
                <td key={column.title} data-label={column.title} className={column.numeric ? "numeric" : undefined}>
                  <span>{column.cell(row)}</span>
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// "4 min ago", with the full moment on hover and for machines.
export function Ago({ time }: { time: string | null | undefined }) {
  const { t, language } = useWords();
  const now = useNow();
  const at = momentOf(time);
  if (at === null) return <>–</>;
  return (
    <time dateTime={new Date(at).toISOString()} title={formatMoment(at)}>
      {t("ago", { age: formatAge((now - at) / 1000, language) })}
    </time>
  );
}

// 03:04:05, with the day when it is not today's.
export function Moment({ time, tenths = false }: { time: string | null | undefined; tenths?: boolean }) {
  const now = useNow();
  const at = momentOf(time);
  if (at === null) return <>–</>;
  const day = formatDay(at) === formatDay(now) ? "" : `${formatDay(at)} `;
  return (
    <time dateTime={new Date(at).toISOString()} title={formatMoment(at)} className="clock">
      {day}
      {formatClock(at, tenths)}
    </time>
  );
}

// How long something has lasted, still counting.
export function Lasting({ since }: { since: string }) {
  const { language } = useWords();
  const now = useNow();
  const at = momentOf(since);
  return <>{at === null ? "–" : formatSeconds(Math.max(0, Math.round((now - at) / 1000)), language)}</>;
}

export function Labels({ labels, without = [] }: { labels: Record<string, string>; without?: string[] }) {
  const shown = Object.entries(labels).filter(([name]) => !without.includes(name));
  if (shown.length === 0) return null;
  return (
    <ul className="labels">
      {shown.map(([name, value]) => (
        <li key={name}>
          <span>{name}</span>={value}
        </li>
      ))}
    </ul>
  );
}

export function Choice<T extends string | number>({ label, value, options, onChange, testId }: {
  label: string;
  value: T;
  options: { value: T; text: string }[];
  onChange: (value: T) => void;
  testId?: string;
}) {
  return (
    <div className="choice" role="group" aria-label={label} data-testid={testId}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
          data-testid={testId && `${testId}-${option.value || "any"}`}
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}
