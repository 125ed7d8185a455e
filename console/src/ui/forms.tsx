// Fields of forms, each with its label above and, where needed, a hint below.
import { useId } from "react";
import type { ReactNode } from "react";
import { fromLocalInput, isoOf, toLocalInput } from "./moments";

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  required?: boolean;
  hint?: ReactNode;
  testId?: string;
  autoFocus?: boolean;
}

export function TextField({ label, value, onChange, hint, testId, options, type = "text", ...rest }: FieldProps & {
  options?: readonly string[]; // offered, not imposed
  type?: "text" | "password" | "email" | "number";
  placeholder?: string;
  autoComplete?: string;
  maxLength?: number;
  pattern?: string;
}) {
  const list = useId();
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type={type}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        list={options?.length ? list : undefined}
        data-testid={testId}
        spellCheck={false}
        maxLength={2000}
        {...rest}
      />
      {options && options.length > 0 && (
        <datalist id={list}>
          {options.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {hint && <small className="hint">{hint}</small>}
    </label>
  );
}

export function TextArea({ label, value, onChange, hint, testId, rows = 4, code = false, ...rest }: FieldProps & { rows?: number; code?: boolean; maxLength?: number }) {
  return (
    <label className="field">
      <span>{label}</span>
      <textarea
        rows={rows}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className={code ? "code" : undefined}
        data-testid={testId}
        maxLength={100_000}
        {...rest}
      />
      {hint && <small className="hint">{hint}</small>}
    </label>
  );
}

export function Select<T extends string>({ label, value, onChange, options, hint, testId, inline = false }: {
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly { value: T; text: string }[];
  hint?: ReactNode;
  testId?: string;
  inline?: boolean;
}) {
  return (
    <label className={inline ? "field field-inline" : "field"}>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value as T)} data-testid={testId}>
        {options.map((one) => (
          <option key={one.value} value={one.value}>
            {one.text}
          </option>
        ))}
      </select>
      {hint && <small className="hint">{hint}</small>}
    </label>
  );
}

// Holds RFC 3339, shows the reader's own clock; empty is no moment.
export function MomentField({ label, value, onChange, hint, testId, required = false }: FieldProps) {
  const at = value === "" ? null : Date.parse(value);
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        value={toLocalInput(at)}
        required={required}
        onChange={(event) => {
          const typed = fromLocalInput(event.target.value);
          onChange(typed === null ? "" : isoOf(typed));
        }}
        data-testid={testId}
      />
      {hint && <small className="hint">{hint}</small>}
    </label>
  );
}

export function Check({ label, value, onChange, testId }: { label: ReactNode; value: boolean; onChange: (value: boolean) => void; testId?: string }) {
  return (
    <label className="check">
      <input type="checkbox" checked={value} onChange={(event) => onChange(event.target.checked)} data-testid={testId} />
      <span>{label}</span>
    </label>
  );
}

export function Problem({ text, testId }: { text: string | null; testId?: string }) {
  return text === null ? null : (
    <p className="problem" role="alert" data-testid={testId ?? "problem"}>
      {text}
    </p>
  );
}
