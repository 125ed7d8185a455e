// Small choices the browser remembers: language, theme, the reader's name. A browser that forbids
// storage forgets them, and nothing else.
const kPrefix = "holdfast.";

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(kPrefix + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(kPrefix + name, value);
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}
