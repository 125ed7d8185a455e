// Dark or light: the reader's choice if one was made, otherwise what the system prefers, live.
import { useCallback, useSyncExternalStore } from "react";
import { recall, remember } from "./remembered";

export type Theme = "dark" | "light";

const listeners = new Set<() => void>();
const prefersDark = () => window.matchMedia("(prefers-color-scheme: dark)");

function themeNow(): Theme {
  const chosen = recall("theme");
  if (chosen === "dark" || chosen === "light") return chosen;
  return prefersDark().matches ? "dark" : "light";
}

function apply(): void {
  document.documentElement.dataset["theme"] = themeNow();
  listeners.forEach((listener) => listener());
}

// Called once before the first page is drawn.
export function startTheme(): void {
  apply();
  prefersDark().addEventListener("change", apply);
}

export function useTheme(): [Theme, () => void] {
  const theme = useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, themeNow);
  const toggle = useCallback(() => {
    remember("theme", themeNow() === "dark" ? "light" : "dark");
    apply();
  }, []);
  return [theme, toggle];
}
