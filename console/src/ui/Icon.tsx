// The console's drawings, 24 by 24, in the colour of the text around them. Always beside words.
const kPaths = {
  overview: "M4 5h7v6H4zM13 5h7v10h-7zM4 13h7v6H4zM13 17h7v2h-7z",
  incident: "M12 3.5 21.5 20h-19zM12 10v4.5M12 17.3v.2",
  alert: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4",
  drill: "M13.5 3 5 13.5h5.5L9.5 21 19 10h-6z",
  explore: "M4 19V5M4 19h16M7.5 15l3.5-5 3 3 5-7",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  question: "M9 9.3a3 3 0 1 1 4.3 2.7c-.9.5-1.3 1-1.3 2.2M12 17.3v.2",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  language: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
  stop: "M8.2 3.5h7.6l4.7 4.7v7.6l-4.7 4.7H8.2l-4.7-4.7V8.2zM9 9h6v6H9z",
  play: "M8 5.5v13l10.5-6.5z",
  leave: "M10 5H5v14h5M14 8l4 4-4 4M18 12H9",
  restart: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
  scale: "M4 14v6h6M20 10V4h-6M4 20l6.5-6.5M20 4l-6.5 6.5",
  wrench: "M15 5a4.5 4.5 0 0 0-4.6 6L4 17.4 6.6 20 13 13.6A4.5 4.5 0 0 0 19 9l-2.8 1.6-2.8-2.8z",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4",
  note: "M5 4h14v11l-5 5H5zM14 20v-5h5M8.5 8.5h7M8.5 12h4",
  person: "M12 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM5 20c.5-4 3-6 7-6s6.5 2 7 6",
  box: "M4 7.5 12 3.5l8 4v9l-8 4-8-4zM4 7.5l8 4 8-4M12 11.5v9",
  impact: "M12 3v5M12 16v5M3 12h5M16 12h5M6 6l3 3M15 15l3 3M18 6l-3 3M9 15l-3 3",
  up: "M12 19V5M6 11l6-6 6 6",
  clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2",
  next: "m9 5 7 7-7 7",
  silence: "M6 16.5V11a6 6 0 0 1 9.5-4.9M18 10v6.5l1.5 2H8M10 21h4M4 4l16 16",
  route: "M5 12h5M10 12c4 0 3-6 9-6M10 12c4 0 3 6 9 6M16 3.5 19 6l-3 2.5M16 15.5l3 2.5-3 2.5",
  calendar: "M4 6h16v14H4zM4 10.5h16M8 3.5v4M16 3.5v4",
  page: "M4 5h16v14H4zM4 9.5h16M7.5 13h9M7.5 16h5",
  book: "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11",
  gauge: "M4 17a8 8 0 1 1 16 0M12 17l4-6",
  chat: "M4 5h16v11H10l-4 4v-4H4z",
  key: "M14.5 4a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM10.5 13.5 4 20M6.5 17.5 9 20",
  more: "M5 12h.2M12 12h.2M19 12h.2",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
} as const;

export type IconName = keyof typeof kPaths;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={kPaths[name]} />
    </svg>
  );
}

export function Anchor({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false" className="anchor">
      <path d="M16 10v17M10 14h12M6 18.5c0 5.2 4.4 8.5 10 8.5s10-3.3 10-8.5" />
      <circle cx="16" cy="6.5" r="3" />
    </svg>
  );
}
