// Moments as a person types them: the browser's own clock, "2026-11-22T03:00", and RFC 3339 on the wire.
const two = (n: number) => String(n).padStart(2, "0");

// What <input type="datetime-local"> holds.
export function toLocalInput(at: number | null): string {
  if (at === null || !Number.isFinite(at)) return "";
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

// null: not a moment. A day alone is none.
export function fromLocalInput(text: string): number | null {
  if (!/^\d{4,}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(text)) return null;
  const at = new Date(text).getTime();
  return Number.isFinite(at) ? at : null;
}

export const isoOf = (at: number) => new Date(at).toISOString();

// "1h30m", "90", "2d 4h" as milliseconds; a bare number is minutes. null: not a duration, or none at all.
export function durationOf(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+$/.test(trimmed)) return Number(trimmed) * 60_000 || null;
  const unit: Record<string, number> = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };
  let rest = trimmed;
  let total = 0;
  while (rest !== "") {
    const match = /^(\d+)\s*([wdhms])\s*/.exec(rest);
    if (!match) return null;
    total += Number(match[1]) * unit[match[2]!]!;
    rest = rest.slice(match[0].length);
  }
  return total || null;
}

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
