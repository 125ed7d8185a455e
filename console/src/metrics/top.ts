// What the page Metrics works out from what the server says: shares, and who is to blame.

export interface NamedCount {
  name: string;
  count: number;
}

export interface Offender {
  kind: "metric" | "label" | "tenant";
  name: string;
  count: number;
  limit: number;
}

export interface Ranked extends NamedCount {
  share: number; // of the whole, 0 to 1
}

// Each entry with its share of `total`; without a total, of the largest.
export function ranked(entries: NamedCount[], total?: number): Ranked[] {
  const whole = total ?? Math.max(0, ...entries.map((entry) => entry.count));
  return entries.map((entry) => ({ ...entry, share: whole > 0 ? Math.min(1, entry.count / whole) : 0 }));
}

// The one metric that holds so much that it should be named, or none: more than a fifth of at least 10,000 series.
export function heaviest(entries: NamedCount[], total: number): Ranked | null {
  const [first] = ranked(entries, total);
  return first && total >= 10_000 && first.share > 0.2 ? first : null;
}

const kSteps = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 1024 && step < kSteps.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${value >= 100 || step === 0 ? Math.round(value) : value.toFixed(1)} ${kSteps[step]}`;
}
